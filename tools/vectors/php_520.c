/* Answers of mt_rand as it was to PHP 5.2.0. The protocol is described in make.py.
 *
 * That PHP no longer builds anywhere. This is its generator written again: the 1998 Mersenne
 * Twister seeded by multiples of 69069, a block of words at a time, and its scaling of 31 bits by a
 * double. Published outputs of real PHPs are compared with it in the tests. */

#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum { SIZE = 624, MIDDLE = 397 };

static uint32_t words[SIZE];
static int used;

static void seed_words(uint32_t seed)
{
    words[0] = seed | 1;
    for (int i = 1; i < SIZE; i++)
        words[i] = 69069 * words[i - 1];
    used = SIZE;
}

static void next_block(void)
{
    for (int i = 0; i < SIZE; i++) {
        uint32_t next = words[(i + 1) % SIZE];
        uint32_t joined = (words[i] & 0x80000000) + (next & 0x7FFFFFFF);
        words[i] = words[(i + MIDDLE) % SIZE] ^ joined / 2 ^ (next % 2 ? 0x9908B0DF : 0);
    }
    used = 0;
}

static uint32_t mt_rand(void)
{
    if (used == SIZE)
        next_block();
    uint32_t word = words[used++];
    word ^= word >> 11;
    word ^= word << 7 & 0x9D2C5680;
    word ^= word << 15 & 0xEFC60000;
    return (word ^ word >> 18) >> 1;
}

int main(int argc, char **argv)
{
    const char *preset = argc > 1 ? argv[1] : "";
    if (strcmp(preset, "--version") == 0) {
        puts("no PHP: its generator written again in C");
        return 0;
    }
    if (strcmp(preset, "php_mt_rand_520") != 0) {
        fprintf(stderr, "unknown preset %s\n", preset);
        return 1;
    }
    uint32_t seed;
    long modulus;
    int skip, count;
    while (scanf("%u %ld %d %d", &seed, &modulus, &skip, &count) == 4) {
        seed_words(seed);
        for (int i = 0; i < count; i++) {
            for (int dropped = 0; dropped < skip; dropped++)
                mt_rand();
            printf("%s%ld", i ? " " : "", (long)(modulus * (mt_rand() / 2147483648.0)));
        }
        printf("\n");
    }
    return 0;
}
