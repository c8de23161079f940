/* Plain C versions of the scans, for comparison: blocks of seeds side by side, so that
 * gcc -O3 -march=native can vectorise them. `scan_` counts the seeds in [first, first + count) whose
 * first four draws modulo 1000 are d[0..3]; `count_` those with `needed` matches of w draws. */
#include <stdint.h>
#include <string.h>

enum { CHUNK = 2048, LANES = 128, SIZE = 624, MIDDLE = 397 };

static inline uint32_t xorshift32(uint32_t x) {
    x ^= x << 13;
    x ^= x >> 17;
    return x ^ x << 5;
}
static inline uint32_t minstd(uint32_t x) { return (uint64_t)x * 48271 % 2147483647; }
static inline uint64_t lcg48(uint64_t x) {
    return (x * 0x5DEECE66D + 11) & 0xFFFFFFFFFFFF;
}

static inline uint32_t lcg32(uint32_t x) {
    return ((uint64_t)x * 1103515245 + 12345) % 2147483647;
}
static inline uint64_t xorshift64(uint64_t x) {
    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    return x * 0x2545F4914F6CDD1D;
}

#define WHOLE(x) ((uint32_t)(x))
#define HIGH(x) ((uint32_t)((x) >> 16))
#define HIGH31(x) ((uint32_t)((x) >> 17))
#define PLAIN(s) (s)
#define SCRAMBLED(s) (((s) ^ 0x5DEECE66D) & 0xFFFFFFFFFFFF)

/* java.util.Random rejects one word in three million for m = 1000; neither loop looks for them. */
#define DEFINE(NAME, STATE, SEED, STEP, OUT)                                        \
    uint64_t scan_##NAME(uint64_t first, uint64_t count, const uint32_t *d) {       \
        uint64_t hits = 0;                                                          \
        uint8_t flags[CHUNK];                                                       \
        uint32_t wanted = d[0];                                                     \
        for (uint64_t base = 0; base < count; base += CHUNK) {                      \
            for (int i = 0; i < CHUNK; i++)                                         \
                flags[i] = OUT(STEP((STATE)SEED(first + base + i))) % 1000 == wanted; \
            for (int at = 0; at < CHUNK; at += 8) {                                 \
                uint64_t eight;                                                     \
                memcpy(&eight, flags + at, 8);                                      \
                if (!eight) continue;                                               \
                for (int i = at; i < at + 8 && base + i < count; i++) {             \
                    if (!flags[i]) continue;                                        \
                    STATE x = (STATE)SEED(first + base + i);                        \
                    int k = 0;                                                      \
                    while (k < 4 && (x = STEP(x), OUT(x) % 1000 == d[k])) k++;      \
                    hits += k == 4;                                                 \
                }                                                                   \
            }                                                                       \
        }                                                                           \
        return hits;                                                                \
    }                                                                               \
    uint64_t count_##NAME(uint64_t first, uint64_t count, const uint32_t *d, int w, int needed) { \
        uint64_t hits = 0;                                                          \
        STATE x[CHUNK / 2];                                                         \
        uint16_t seen[CHUNK / 2];                                                   \
        for (uint64_t base = 0; base < count; base += CHUNK / 2) {                  \
            for (int i = 0; i < CHUNK / 2; i++) x[i] = (STATE)SEED(first + base + i), seen[i] = 0; \
            for (int k = 0; k < w; k++) {                                           \
                uint32_t wanted = d[k];                                             \
                for (int i = 0; i < CHUNK / 2; i++) {                               \
                    x[i] = STEP(x[i]);                                              \
                    seen[i] += OUT(x[i]) % 1000 == wanted;                          \
                }                                                                   \
            }                                                                       \
            for (int i = 0; i < CHUNK / 2 && base + i < count; i++) hits += seen[i] >= needed; \
        }                                                                           \
        return hits;                                                                \
    }

DEFINE(xorshift32, uint32_t, PLAIN, xorshift32, WHOLE)
DEFINE(minstd, uint32_t, PLAIN, minstd, WHOLE)
DEFINE(lcg32, uint32_t, PLAIN, lcg32, WHOLE)
DEFINE(xorshift64, uint64_t, PLAIN, xorshift64, PLAIN)
DEFINE(java_lcg, uint64_t, PLAIN, lcg48, HIGH)
DEFINE(java_next_int, uint64_t, SCRAMBLED, lcg48, HIGH31)

static inline uint32_t next_initial(uint32_t x, uint32_t i) {
    return 1812433253u * (x ^ x >> 30) + i;
}
static inline uint32_t twist(uint32_t a, uint32_t b, uint32_t c) {
    uint32_t y = (a & 0x80000000u) | (b & 0x7fffffffu);
    return c ^ y >> 1 ^ (-(y & 1) & 0x9908b0dfu);
}
static inline uint32_t temper(uint32_t y) {
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
            flags[l] = temper(twist(low[0][l], low[1][l], middle[0][l])) % 1000 == d[0];
        for (int l = 0; l < LANES && base + l < count; l++) {
            if (!flags[l]) continue;
            int k = 1;
            while (k < 4 && temper(twist(low[k][l], low[k + 1][l], middle[k][l])) % 1000 == d[k]) k++;
            hits += k == 4;
        }
    }
    return hits;
}

/* For w < 227: words 0 .. 396 + w of every lane, then one twist for each draw. */
uint64_t count_mt19937(uint64_t first, uint64_t count, const uint32_t *d, int w, int needed) {
    uint64_t hits = 0;
    static __thread uint32_t x[SIZE][LANES];
    for (uint64_t base = 0; base < count; base += LANES) {
        uint16_t seen[LANES] = {0};
        for (int l = 0; l < LANES; l++) x[0][l] = (uint32_t)(first + base + l);
        for (int i = 1; i < MIDDLE + w; i++)
            for (int l = 0; l < LANES; l++) x[i][l] = next_initial(x[i - 1][l], i);
        for (int k = 0; k < w; k++)
            for (int l = 0; l < LANES; l++)
                seen[l] += temper(twist(x[k][l], x[k + 1][l], x[k + MIDDLE][l])) % 1000 == d[k];
        for (int l = 0; l < LANES && base + l < count; l++) hits += seen[l] >= needed;
    }
    return hits;
}
