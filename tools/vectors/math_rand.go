// Answers of Go's math/rand. The protocol is described in make.py.

package main

import (
	"bufio"
	"fmt"
	"math/rand"
	"os"
	"runtime"
)

func draws(preset string, source *rand.Rand, modulus uint64) func() uint64 {
	switch preset {
	case "go_intn":
		return func() uint64 { return uint64(source.Intn(int(modulus))) }
	case "go_words": // all 64 bits, whatever the modulus
		return source.Uint64
	}
	fmt.Fprintln(os.Stderr, "unknown preset", preset)
	os.Exit(1)
	return nil
}

func main() {
	preset := os.Args[1]
	if preset == "--version" {
		fmt.Println(runtime.Version())
		return
	}
	in, out := bufio.NewReader(os.Stdin), bufio.NewWriter(os.Stdout)
	defer out.Flush()
	// Seeds arrive as unsigned 64-bit numbers: 2^64-1 is the int64 -1.
	var seed, modulus uint64
	var skip, count int
	for {
		if _, err := fmt.Fscan(in, &seed, &modulus, &skip, &count); err != nil {
			return
		}
		draw := draws(preset, rand.New(rand.NewSource(int64(seed))), modulus)
		for i := 0; i < count; i++ {
			for dropped := 0; dropped < skip; dropped++ {
				draw()
			}
			if i > 0 {
				fmt.Fprint(out, " ")
			}
			fmt.Fprint(out, draw())
		}
		fmt.Fprintln(out)
	}
}
