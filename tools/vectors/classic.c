/* Generators of the classic table that no runtime offers as they stand, written from their published
 * definitions as a second implementation. The protocol is described in make.py.
 *
 * xorshift32:   G. Marsaglia, "Xorshift RNGs", Journal of Statistical Software 8(14), 2003, with the
 *               shifts 13, 17, 5; the state is the word.
 * xorshift64:   shifts 12, 25, 27 and the multiplier of S. Vigna's xorshift64*, here fed back.
 * xorshift128:  Marsaglia's xor128() with its three constants; the seed takes the place of x.
 * lcg32:        the multiplier and increment of the C standard's example, modulo 2^31-1.
 * java_lcg:     the recurrence of java.util.Random, s' = 0x5DEECE66D s + 11 mod 2^48, without its
 *               scrambling of the seed; the word is bits 16 to 47 of the new state.
 * pcg32:        M. O'Neill, HMC-CS-2014-0905: XSH-RR of the state before each step.
 * xoshiro256pp: D. Blackman and S. Vigna, https://prng.di.unimi.it/xoshiro256plusplus.c.
 * philox4x32:   J. Salmon and others, SC11, 2011: ten rounds, the first word of each block.
 * sfc64:        C. Doty-Humphrey, PractRand 0.94, without warm-up.
 */

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static uint64_t s[4]; /* the state; begins as the seed and three zeros */

static uint64_t rotl(uint64_t x, int k)
{
    return x << k | x >> (64 - k);
}

static void seed_nothing(void)
{
}

static uint64_t xorshift32(void)
{
    uint32_t x = (uint32_t)s[0];
    x ^= x << 13;
    x ^= x >> 17;
    x ^= x << 5;
    return s[0] = x;
}

static uint64_t xorshift64(void)
{
    s[0] ^= s[0] >> 12;
    s[0] ^= s[0] << 25;
    s[0] ^= s[0] >> 27;
    return s[0] *= UINT64_C(0x2545F4914F6CDD1D);
}

static void seed_xorshift128(void)
{
    s[1] = 362436069;
    s[2] = 521288629;
    s[3] = 88675123;
}

static uint64_t xorshift128(void)
{
    uint32_t t = (uint32_t)s[0] ^ (uint32_t)s[0] << 11;
    s[0] = s[1];
    s[1] = s[2];
    s[2] = s[3];
    return s[3] = (uint32_t)(s[3] ^ s[3] >> 19 ^ (t ^ t >> 8));
}

static uint64_t lcg32(void)
{
    return s[0] = (uint64_t)(((unsigned __int128)s[0] * 1103515245 + 12345) % 2147483647);
}

static uint64_t java_lcg(void)
{
    s[0] = (UINT64_C(0x5DEECE66D) * s[0] + 11) & ((UINT64_C(1) << 48) - 1);
    return (uint32_t)(s[0] >> 16);
}

static uint64_t pcg32(void)
{
    uint64_t old = s[0];
    uint32_t xorshifted = (uint32_t)((old >> 18 ^ old) >> 27);
    uint32_t rotation = (uint32_t)(old >> 59);
    s[0] = old * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return rotation ? xorshifted >> rotation | xorshifted << (32 - rotation) : xorshifted;
}

static void seed_fixed_words(void)
{
    s[1] = UINT64_C(0x9E3779B97F4A7C15);
    s[2] = UINT64_C(0x6A09E667F3BCC908);
    s[3] = UINT64_C(0xBB67AE8584CAA73B);
}

static uint64_t xoshiro256pp(void)
{
    uint64_t word = rotl(s[0] + s[3], 23) + s[0], t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotl(s[3], 45);
    return word;
}

static uint64_t philox4x32(void) /* s[1] counts the blocks */
{
    uint32_t key[2] = {(uint32_t)s[0], (uint32_t)(s[0] >> 32)};
    uint32_t block[4] = {(uint32_t)s[1]++, 0, 0, 0};
    for (int round = 0; round < 10; round++) {
        uint64_t first = UINT64_C(0xD2511F53) * block[0], second = UINT64_C(0xCD9E8D57) * block[2];
        uint32_t next[4] = {(uint32_t)(second >> 32) ^ block[1] ^ key[0], (uint32_t)second,
                            (uint32_t)(first >> 32) ^ block[3] ^ key[1], (uint32_t)first};
        memcpy(block, next, sizeof block);
        key[0] += 0x9E3779B9;
        key[1] += 0xBB67AE85;
    }
    return block[0];
}

static void seed_sfc64(void)
{
    seed_fixed_words();
    s[3] = 1;
}

static uint64_t sfc64(void)
{
    uint64_t word = s[0] + s[1] + s[3]++;
    s[0] = s[1] ^ s[1] >> 11;
    s[1] = s[2] + (s[2] << 3);
    s[2] = rotl(s[2], 24) + word;
    return word;
}

static const struct {
    const char *preset;
    void (*seed)(void); /* fills the words after the first */
    uint64_t (*next)(void);
} generators[] = {
    {"xorshift32", seed_nothing, xorshift32},
    {"xorshift64", seed_nothing, xorshift64},
    {"xorshift128", seed_xorshift128, xorshift128},
    {"lcg32", seed_nothing, lcg32},
    {"java_lcg", seed_nothing, java_lcg},
    {"pcg32", seed_nothing, pcg32},
    {"xoshiro256pp", seed_fixed_words, xoshiro256pp},
    {"philox4x32", seed_nothing, philox4x32},
    {"sfc64", seed_sfc64, sfc64},
};

int main(int argc, char **argv)
{
    const char *preset = argc > 1 ? argv[1] : "";
    const size_t count = sizeof generators / sizeof *generators;
    if (strcmp(preset, "--version") == 0) {
        printf("C, compiled by gcc %s\n", __VERSION__);
        return 0;
    }
    size_t chosen = 0;
    while (chosen < count && strcmp(preset, generators[chosen].preset) != 0)
        chosen++;
    if (chosen == count) {
        fprintf(stderr, "unknown preset %s\n", preset);
        return 1;
    }
    uint64_t seed, modulus;
    int skip, length;
    while (scanf("%" SCNu64 " %" SCNu64 " %d %d", &seed, &modulus, &skip, &length) == 4) {
        memset(s, 0, sizeof s);
        s[0] = seed;
        generators[chosen].seed();
        for (int i = 0; i < length; i++) {
            for (int dropped = 0; dropped < skip; dropped++)
                generators[chosen].next();
            printf("%s%" PRIu64, i ? " " : "", generators[chosen].next() % modulus);
        }
        printf("\n");
    }
    return 0;
}
