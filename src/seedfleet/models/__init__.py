"""Models that rank survivors by their features: four types behind one seam."""
