/* Plain C versions of the seed scans, for comparison: the same block shape as the kernels, so that
 * gcc -O3 -march=native can vectorise them. Each counts the seeds in [first, first + count) whose
 * words at positions 0, 1, 2, 3 have the residues d[0..3] modulo 1000. */
#include <stdint.h>

enum { CHUNK = 2048, LANES = 128, SIZE = 624, MIDDLE = 397 };

static inline uint32_t xorshift32(uint32_t x) {
    x ^= x << 13;
    x ^= x >> 17;
    return x ^ x << 5;
}

static inline uint32_t minstd(uint32_t x) { return (uint64_t)x * 48271 % 2147483647; }

#define DEFINE_WORD_SCAN(NAME)                                             \
    uint64_t scan_##NAME(uint64_t first, uint64_t count, const uint32_t *d) { \
        uint64_t hits = 0;                                                 \
        uint8_t flags[CHUNK];                                              \
        for (uint64_t base = 0; base < count; base += CHUNK) {             \
            for (int i = 0; i < CHUNK; i++)                                \
                flags[i] = NAME((uint32_t)(first + base + i)) % 1000 == d[0]; \
            for (int i = 0; i < CHUNK && base + i < count; i++) {          \
                if (!flags[i]) continue;                                   \
                uint32_t x = (uint32_t)(first + base + i);                 \
                int k = 0;                                                 \
                while (k < 4 && (x = NAME(x)) % 1000 == d[k]) k++;         \
                hits += k == 4;                                            \
            }                                                              \
        }                                                                  \
        return hits;                                                       \
    }

DEFINE_WORD_SCAN(xorshift32)
DEFINE_WORD_SCAN(minstd)

static inline uint32_t next_initial(uint32_t x, uint32_t i) {
    return 1812433253u * (x ^ x >> 30) + i;
}

static inline uint32_t word(uint32_t a, uint32_t b, uint32_t c) {
    uint32_t y = (a & 0x80000000u) | (b & 0x7fffffffu);
    y = c ^ y >> 1 ^ (-(y & 1) & 0x9908b0dfu);
    y ^= y >> 11;
    y ^= y << 7 & 0x9d2c5680u;
    y ^= y << 15 & 0xefc60000u;
    return y ^ y >> 18;
}

uint64_t scan_mt19937(uint64_t first, uint64_t count, const uint32_t *d) {
    uint64_t hits = 0;
    uint32_t x[LANES], low[5][LANES], middle[4][LANES];
    uint8_t flags[LANES];
    for (uint64_t base = 0; base < count; base += LANES) {
        for (int l = 0; l < LANES; l++) low[0][l] = x[l] = (uint32_t)(first + base + l);
        for (uint32_t i = 1; i < MIDDLE + 4; i++) {
            for (int l = 0; l < LANES; l++) x[l] = next_initial(x[l], i);
            if (i < 5)
                for (int l = 0; l < LANES; l++) low[i][l] = x[l];
            if (i >= MIDDLE)
                for (int l = 0; l < LANES; l++) middle[i - MIDDLE][l] = x[l];
        }
        for (int l = 0; l < LANES; l++)
            flags[l] = word(low[0][l], low[1][l], middle[0][l]) % 1000 == d[0];
        for (int l = 0; l < LANES && base + l < count; l++) {
            if (!flags[l]) continue;
            int k = 1;
            while (k < 4 && word(low[k][l], low[k + 1][l], middle[k][l]) % 1000 == d[k]) k++;
            hits += k == 4;
        }
    }
    return hits;
}
