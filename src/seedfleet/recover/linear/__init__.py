"""Generators that are linear over GF(2): whole states from the bits that draws show."""
