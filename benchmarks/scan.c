/* Plain C versions of the scans, for comparison: blocks of seeds side by side, so that
 * gcc -O3 -march=native can vectorise them. `scan_` counts the seeds in [first, first + count) whose
 * first four draws modulo 1000 are d[0..3]; `count_` those with `needed` matches of w <= 200 draws.
 * A generator is its registers, its seeding and its draw. A draw of REJECTED is none: the next word
 * has to be asked. What meets one is decided again by `walk_`, draw by draw. */
#include <stdint.h>
#include <string.h>

enum { CHUNK = 2048, HALF = CHUNK / 2, PACE = 16, LANES = 128, SIZE = 624, MIDDLE = 397 };
#define REJECTED UINT32_MAX
#define PRIME 2147483647u

typedef struct { uint32_t r[1]; } u32x1;
typedef struct { uint32_t r[3]; } u32x3;
typedef struct { uint32_t r[4]; } u32x4;
typedef struct { uint64_t r[1]; } u64x1;
typedef struct { uint64_t r[4]; } u64x4;

/* Whether the lanes of a block may be given up; looked at as often as our own kernels do. */
#define HOPELESS(SEEN, N, K, W, NEEDED) \
    ((K) + (NEEDED) > (W) && ((K) + (NEEDED) - (W)) % PACE == 1 && best(SEEN, N) + (W) - (K) < (NEEDED))

static inline int best(const uint16_t *seen, int n) {
    uint16_t most = 0;
    for (int i = 0; i < n; i++) most = seen[i] > most ? seen[i] : most;
    return most;
}

#define DEFINE_WALK(NAME, STATE)                                                                  \
    static int walk_##NAME(uint64_t seed, const uint32_t *d, int w, int needed) {                 \
        STATE s = seed_##NAME(seed);                                                              \
        for (int k = 0, misses = w - needed; k < w; k++) {                                        \
            uint32_t value;                                                                       \
            while ((value = draw_##NAME(&s)) == REJECTED) {}                                      \
            if (value != d[k] && --misses < 0) return 0;                                          \
        }                                                                                         \
        return 1;                                                                                 \
    }

/* The first draw of a block in a loop over seeds; then the seeds that are left. */
#define DEFINE_SCAN(NAME, STATE)                                                                  \
    uint64_t scan_##NAME(uint64_t first, uint64_t count, const uint32_t *d) {                     \
        uint64_t hits = 0;                                                                        \
        uint8_t flags[CHUNK];                                                                     \
        uint32_t wanted = d[0];                                                                   \
        for (uint64_t base = 0; base < count; base += CHUNK) {                                    \
            for (int i = 0; i < CHUNK; i++) {                                                     \
                STATE s = seed_##NAME(first + base + i);                                          \
                uint32_t value = draw_##NAME(&s);                                                 \
                flags[i] = (value == wanted) | (value == REJECTED);                               \
            }                                                                                     \
            for (int at = 0; at < CHUNK; at += 8) {                                               \
                uint64_t eight;                                                                   \
                memcpy(&eight, flags + at, 8);                                                    \
                if (!eight) continue;                                                             \
                for (int i = at; i < at + 8 && base + i < count; i++)                             \
                    if (flags[i]) hits += walk_##NAME(first + base + i, d, 4, 4);                 \
            }                                                                                     \
        }                                                                                         \
        return hits;                                                                              \
    }

/* Registers in arrays of their own, one loop over the seeds of a block for each draw. */
#define DEFINE_COUNT(NAME, STATE)                                                                 \
    uint64_t count_##NAME(uint64_t first, uint64_t count, const uint32_t *d, int w, int needed) { \
        enum { REGISTERS = sizeof(STATE) / sizeof(((STATE *)0)->r[0]) };                          \
        uint64_t hits = 0;                                                                        \
        __typeof__(((STATE *)0)->r[0]) x[REGISTERS][HALF];                                        \
        uint16_t seen[HALF], again[HALF];                                                         \
        for (uint64_t base = 0; base < count; base += HALF) {                                     \
            memset(seen, 0, sizeof seen);                                                         \
            memset(again, 0, sizeof again);                                                       \
            for (int i = 0; i < HALF; i++) {                                                      \
                STATE s = seed_##NAME(first + base + i);                                          \
                for (int r = 0; r < REGISTERS; r++) x[r][i] = s.r[r];                             \
            }                                                                                     \
            for (int k = 0; k < w && !HOPELESS(seen, HALF, k, w, needed); k++) {                  \
                uint32_t wanted = d[k];                                                           \
                for (int i = 0; i < HALF; i++) {                                                  \
                    STATE s;                                                                      \
                    for (int r = 0; r < REGISTERS; r++) s.r[r] = x[r][i];                         \
                    uint32_t value = draw_##NAME(&s);                                             \
                    for (int r = 0; r < REGISTERS; r++) x[r][i] = s.r[r];                         \
                    seen[i] += value == wanted;                                                   \
                    again[i] |= value == REJECTED;                                                \
                }                                                                                 \
            }                                                                                     \
            for (int i = 0; i < HALF && base + i < count; i++)                                    \
                hits += again[i] ? walk_##NAME(first + base + i, d, w, needed) : seen[i] >= needed; \
        }                                                                                         \
        return hits;                                                                              \
    }

#define DEFINE(NAME, STATE)   \
    DEFINE_WALK(NAME, STATE)  \
    DEFINE_SCAN(NAME, STATE)  \
    DEFINE_COUNT(NAME, STATE)

/* Where most seeds meet a REJECTED, or no register fits a vector: one seed after the other. */
#define DEFINE_SERIAL_SCAN(NAME)                                                                  \
    uint64_t scan_##NAME(uint64_t first, uint64_t count, const uint32_t *d) {                     \
        uint64_t hits = 0;                                                                        \
        for (uint64_t i = 0; i < count; i++) hits += walk_##NAME(first + i, d, 4, 4);             \
        return hits;                                                                              \
    }
#define DEFINE_SERIAL_COUNT(NAME)                                                                 \
    uint64_t count_##NAME(uint64_t first, uint64_t count, const uint32_t *d, int w, int needed) { \
        uint64_t hits = 0;                                                                        \
        for (uint64_t i = 0; i < count; i++) hits += walk_##NAME(first + i, d, w, needed);        \
        return hits;                                                                              \
    }

static inline uint64_t rotated(uint64_t x, int bits) { return x << bits | x >> (64 - bits); }

static inline u32x1 seed_xorshift32(uint64_t seed) { return (u32x1){{(uint32_t)seed}}; }
static inline uint32_t draw_xorshift32(u32x1 *s) {
    uint32_t x = s->r[0];
    x ^= x << 13;
    x ^= x >> 17;
    s->r[0] = x ^= x << 5;
    return x % 1000;
}
DEFINE(xorshift32, u32x1)

static inline u64x1 seed_xorshift64(uint64_t seed) { return (u64x1){{seed}}; }
static inline uint32_t draw_xorshift64(u64x1 *s) {
    uint64_t x = s->r[0];
    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    s->r[0] = x *= 0x2545F4914F6CDD1D;
    return x % 1000;
}
DEFINE(xorshift64, u64x1)

static inline u32x4 seed_xorshift128(uint64_t seed) {
    return (u32x4){{(uint32_t)seed, 362436069, 521288629, 88675123}};
}
static inline uint32_t draw_xorshift128(u32x4 *s) {
    uint32_t t = s->r[0] ^ s->r[0] << 11, w = s->r[3];
    s->r[0] = s->r[1], s->r[1] = s->r[2], s->r[2] = w;
    s->r[3] = w = w ^ w >> 19 ^ t ^ t >> 8;
    return w % 1000;
}
DEFINE(xorshift128, u32x4)

/* 2^31 = 1 modulo the prime, so high and low bits are added: for a product below 2^62. */
static inline uint32_t remainder_of(uint64_t product) {
    uint64_t folded = (product & PRIME) + (product >> 31);
    folded = (folded & PRIME) + (folded >> 31);
    return folded >= PRIME ? folded - PRIME : folded;
}

/* For seeds below the prime. */
static inline u32x1 seed_minstd(uint64_t seed) { return (u32x1){{seed ? (uint32_t)seed : 1}}; }
static inline uint32_t draw_minstd(u32x1 *s) {
    return (s->r[0] = remainder_of((uint64_t)s->r[0] * 48271)) % 1000;
}
DEFINE(minstd, u32x1)

/* For seeds below the prime. */
static inline u32x1 seed_lcg32(uint64_t seed) { return (u32x1){{(uint32_t)seed}}; }
static inline uint32_t draw_lcg32(u32x1 *s) {
    return (s->r[0] = remainder_of((uint64_t)s->r[0] * 1103515245 + 12345)) % 1000;
}
DEFINE(lcg32, u32x1)

static inline uint64_t lcg48(u64x1 *s) {
    return s->r[0] = (s->r[0] * 0x5DEECE66D + 11) & 0xFFFFFFFFFFFF;
}
static inline u64x1 seed_java_lcg(uint64_t seed) { return (u64x1){{seed & 0xFFFFFFFFFFFF}}; }
static inline uint32_t draw_java_lcg(u64x1 *s) { return (uint32_t)(lcg48(s) >> 16) % 1000; }
DEFINE(java_lcg, u64x1)

static inline u64x1 seed_java_next_int(uint64_t seed) {
    return (u64x1){{(seed ^ 0x5DEECE66D) & 0xFFFFFFFFFFFF}};
}
static inline uint32_t draw_java_next_int(u64x1 *s) {
    uint32_t bits = (uint32_t)(lcg48(s) >> 17);
    return bits > 2147483647u - 2147483648u % 1000 ? REJECTED : bits % 1000;
}
DEFINE(java_next_int, u64x1)

#define seed_java_next_double seed_java_next_int
static inline uint32_t draw_java_next_double(u64x1 *s) {
    int64_t high = (int64_t)(lcg48(s) >> 22) << 27;
    return (uint32_t)(int64_t)((double)(high + (int64_t)(lcg48(s) >> 21)) * 0x1p-53 * 1000.0);
}
DEFINE(java_next_double, u64x1)

static inline u64x1 seed_pcg32(uint64_t seed) { return (u64x1){{seed}}; }
static inline uint32_t draw_pcg32(u64x1 *s) {
    uint64_t old = s->r[0];
    s->r[0] = old * 6364136223846793005 + 1442695040888963407;
    uint32_t word = (uint32_t)((old >> 18 ^ old) >> 27), right = (uint32_t)(old >> 59);
    return (word >> right | word << (-right & 31)) % 1000;
}
DEFINE(pcg32, u64x1)

static inline void xoshiro256(u64x4 *s) {
    uint64_t shifted = s->r[1] << 17;
    s->r[2] ^= s->r[0];
    s->r[3] ^= s->r[1];
    s->r[1] ^= s->r[2];
    s->r[0] ^= s->r[3];
    s->r[2] ^= shifted;
    s->r[3] = rotated(s->r[3], 45);
}
static inline u64x4 seed_xoshiro256pp(uint64_t seed) {
    return (u64x4){{seed, 0x9E3779B97F4A7C15, 0x6A09E667F3BCC908, 0xBB67AE8584CAA73B}};
}
static inline uint32_t draw_xoshiro256pp(u64x4 *s) {
    uint64_t word = rotated(s->r[0] + s->r[3], 23) + s->r[0];
    xoshiro256(s);
    return word % 1000;
}
DEFINE(xoshiro256pp, u64x4)

/* One word in 43 is rejected, so that no window of a seed goes without. */
static inline u64x4 seed_lua_random(uint64_t seed) {
    u64x4 s = {{seed, 0xFF, 0, 0}};
    for (int i = 0; i < 16; i++) xoshiro256(&s);
    return s;
}
static inline uint32_t draw_lua_random(u64x4 *s) {
    uint32_t value = rotated(s->r[1] * 5, 7) * 9 & 1023;
    xoshiro256(s);
    return value < 1000 ? value : REJECTED;
}
DEFINE_WALK(lua_random, u64x4)
DEFINE_SCAN(lua_random, u64x4)
DEFINE_SERIAL_COUNT(lua_random)

static inline u64x4 seed_sfc64(uint64_t seed) {
    return (u64x4){{seed, 0x9E3779B97F4A7C15, 0x6A09E667F3BCC908, 1}};
}
static inline uint32_t draw_sfc64(u64x4 *s) {
    uint64_t word = s->r[0] + s->r[1] + s->r[3]++;
    s->r[0] = s->r[1] ^ s->r[1] >> 11;
    s->r[1] = s->r[2] + (s->r[2] << 3);
    s->r[2] = rotated(s->r[2], 24) + word;
    return word % 1000;
}
DEFINE(sfc64, u64x4)

/* Counter and key. */
static inline u32x3 seed_philox4x32(uint64_t seed) {
    return (u32x3){{0, (uint32_t)seed, (uint32_t)(seed >> 32)}};
}
static inline uint32_t draw_philox4x32(u32x3 *s) {
    uint32_t w0 = s->r[0]++, w1 = 0, w2 = 0, w3 = 0, key0 = s->r[1], key1 = s->r[2];
    for (int i = 0; i < 10; i++, key0 += 0x9E3779B9, key1 += 0xBB67AE85) {
        uint64_t p0 = (uint64_t)w0 * 0xD2511F53, p1 = (uint64_t)w2 * 0xCD9E8D57;
        w0 = (uint32_t)(p1 >> 32) ^ w1 ^ key0;
        w1 = (uint32_t)p1;
        w2 = (uint32_t)(p0 >> 32) ^ w3 ^ key1;
        w3 = (uint32_t)p0;
    }
    return w0 % 1000;
}
DEFINE(philox4x32, u32x3)

/* numpy's SeedSequence for one seed below 2^64, and PCG64 behind Lemire's multiplication. */
typedef struct { unsigned __int128 state, increment; uint64_t word; int high_is_next; } pcg64;

static inline uint32_t hashed(uint32_t word, uint32_t *constant, uint32_t multiplier) {
    word ^= *constant;
    word *= *constant *= multiplier;
    return word ^ word >> 16;
}
static inline pcg64 seed_numpy_default_rng(uint64_t seed) {
    uint32_t pool[4] = {(uint32_t)seed, (uint32_t)(seed >> 32)}, constant = 0x43B0D7E5;
    for (int i = 0; i < 4; i++) pool[i] = hashed(pool[i], &constant, 0x931E8875);
    for (int from = 0; from < 4; from++)
        for (int to = 0; to < 4; to++) {
            if (from == to) continue;
            uint32_t source = hashed(pool[from], &constant, 0x931E8875);
            uint32_t mixed = pool[to] * 0xCA01F9DDu - source * 0x4973F715u;
            pool[to] = mixed ^ mixed >> 16;
        }
    uint64_t words[4] = {0};
    constant = 0x8B51F9DD;
    for (int i = 0; i < 8; i++)
        words[i / 2] |= (uint64_t)hashed(pool[i % 4], &constant, 0x58F38DED) << 32 * (i % 2);
    unsigned __int128 state = (unsigned __int128)words[0] << 64 | words[1];
    unsigned __int128 increment = ((unsigned __int128)words[2] << 64 | words[3]) << 1 | 1;
    unsigned __int128 multiplier = (unsigned __int128)0x2360ED051FC65DA4 << 64 | 0x4385DF649FCCF645;
    return (pcg64){(increment + state) * multiplier + increment, increment, 0, 0};
}
static inline uint32_t draw_numpy_default_rng(pcg64 *s) {
    if (!s->high_is_next) {
        s->state *= (unsigned __int128)0x2360ED051FC65DA4 << 64 | 0x4385DF649FCCF645;
        s->state += s->increment;
        uint64_t folded = (uint64_t)(s->state >> 64) ^ (uint64_t)s->state;
        int right = (int)(s->state >> 122);
        s->word = folded >> right | folded << (-right & 63);
    }
    uint64_t product = (s->high_is_next ? s->word >> 32 : (uint32_t)s->word) * 1000;
    s->high_is_next ^= 1;
    return (uint32_t)product < 4294967296 % 1000 ? REJECTED : (uint32_t)(product >> 32);
}
DEFINE_WALK(numpy_default_rng, pcg64)
DEFINE_SERIAL_SCAN(numpy_default_rng)
DEFINE_SERIAL_COUNT(numpy_default_rng)

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

/* A lane of initial states. It shows SIZE - MIDDLE = 227 words, which is more than 200 draws ask
 * for, but where 27 of their words are rejected: less than once in 10^12 seeds. */
static inline int walk_lane(
    uint32_t x[][LANES], int l, uint32_t (*value_of)(uint32_t), const uint32_t *d, int w, int needed) {
    int k = 0, misses = w - needed;
    for (int j = 0; k < w && j < SIZE - MIDDLE; j++) {
        uint32_t value = value_of(temper(twist(x[j][l], x[j + 1][l], x[j + MIDDLE][l])));
        if (value == REJECTED) continue;
        if (value != d[k++] && --misses < 0) return 0;
    }
    return k == w;
}

static inline uint32_t value_mt19937(uint32_t word) { return word % 1000; }
static inline uint32_t value_php_mt_rand(uint32_t word) {
    return word > 4294967294u - 4294967295u % 1000 ? REJECTED : word % 1000;
}
static inline uint32_t value_python_randrange(uint32_t word) {
    return word >> 22 < 1000 ? word >> 22 : REJECTED;
}

static inline void seed_lanes(uint32_t x[][LANES], uint64_t first, int words) {
    for (int l = 0; l < LANES; l++) x[0][l] = (uint32_t)(first + l);
    for (int i = 1; i < words; i++)
        for (int l = 0; l < LANES; l++) x[i][l] = next_initial(x[i - 1][l], i);
}

/* The first draw needs words 0, 1 and 397 only, so that no others are stored. */
#define DEFINE_MT19937(NAME)                                                                      \
    uint64_t scan_##NAME(uint64_t first, uint64_t count, const uint32_t *d) {                     \
        uint64_t hits = 0;                                                                        \
        uint32_t x[LANES], low[5][LANES], middle[4][LANES];                                       \
        uint8_t flags[LANES];                                                                     \
        static __thread uint32_t whole[SIZE][LANES];                                              \
        for (uint64_t base = 0; base < count; base += LANES) {                                    \
            for (int l = 0; l < LANES; l++) low[0][l] = x[l] = (uint32_t)(first + base + l);      \
            for (uint32_t i = 1; i < MIDDLE + 4; i++) {                                           \
                for (int l = 0; l < LANES; l++) x[l] = next_initial(x[l], i);                     \
                if (i < 5) memcpy(low[i], x, sizeof x);                                           \
                if (i >= MIDDLE) memcpy(middle[i - MIDDLE], x, sizeof x);                         \
            }                                                                                     \
            for (int l = 0; l < LANES; l++) {                                                     \
                uint32_t value = value_##NAME(temper(twist(low[0][l], low[1][l], middle[0][l]))); \
                flags[l] = (value == d[0]) | (value == REJECTED);                                 \
            }                                                                                     \
            for (int l = 0; l < LANES && base + l < count; l++) {                                 \
                int k = 0;                                                                        \
                uint32_t value = d[0];                                                            \
                if (!flags[l]) continue;                                                          \
                do                                                                                \
                    value = value_##NAME(temper(twist(low[k][l], low[k + 1][l], middle[k][l])));  \
                while (value == d[k] && ++k < 4);                                                 \
                if (k < 4 && value != REJECTED) continue;                                         \
                seed_lanes(whole, first + base, SIZE);                                            \
                hits += walk_lane(whole, l, value_##NAME, d, 4, 4);                               \
            }                                                                                     \
        }                                                                                         \
        return hits;                                                                              \
    }                                                                                             \
    uint64_t count_##NAME(uint64_t first, uint64_t count, const uint32_t *d, int w, int needed) { \
        uint64_t hits = 0;                                                                        \
        static __thread uint32_t x[SIZE][LANES];                                                  \
        for (uint64_t base = 0; base < count; base += LANES) {                                    \
            uint16_t seen[LANES] = {0}, again[LANES] = {0};                                       \
            seed_lanes(x, first + base, MIDDLE + w);                                              \
            for (int k = 0; k < w && !HOPELESS(seen, LANES, k, w, needed); k++)                   \
                for (int l = 0; l < LANES; l++) {                                                 \
                    uint32_t word = temper(twist(x[k][l], x[k + 1][l], x[k + MIDDLE][l]));        \
                    seen[l] += value_##NAME(word) == d[k];                                        \
                    again[l] |= value_##NAME(word) == REJECTED;                                   \
                }                                                                                 \
            for (int l = 0; l < LANES && base + l < count; l++) {                                 \
                if (again[l]) seed_lanes(x, first + base, SIZE);                                  \
                hits += again[l] ? walk_lane(x, l, value_##NAME, d, w, needed) : seen[l] >= needed; \
            }                                                                                     \
        }                                                                                         \
        return hits;                                                                              \
    }
DEFINE_MT19937(mt19937)
DEFINE_MT19937(php_mt_rand)

/* init_by_array with a lone key word, for a block of seeds below 2^32. */
static inline void seed_lanes_by_array(uint32_t x[][LANES], const uint32_t *start, uint64_t first) {
    for (int l = 0; l < LANES; l++) {
        x[0][l] = start[0];
        x[1][l] = (start[1] ^ (start[0] ^ start[0] >> 30) * 1664525u) + (uint32_t)(first + l);
    }
    for (int i = 2; i < SIZE; i++)
        for (int l = 0; l < LANES; l++)
            x[i][l] = (start[i] ^ (x[i - 1][l] ^ x[i - 1][l] >> 30) * 1664525u) + (uint32_t)(first + l);
    /* The 624th turn of the first round comes to word 1 again, with the last word at its left. */
    for (int l = 0; l < LANES; l++) {
        uint32_t last = x[SIZE - 1][l];
        x[1][l] = (x[1][l] ^ (last ^ last >> 30) * 1664525u) + (uint32_t)(first + l);
    }
    for (uint32_t i = 2; i < SIZE; i++)
        for (int l = 0; l < LANES; l++)
            x[i][l] = (x[i][l] ^ (x[i - 1][l] ^ x[i - 1][l] >> 30) * 1566083941u) - i;
    for (int l = 0; l < LANES; l++) {
        uint32_t last = x[SIZE - 1][l];
        x[1][l] = (x[1][l] ^ (last ^ last >> 30) * 1566083941u) - 1;
        x[0][l] = 0x80000000u;
    }
}

uint64_t count_python_randrange(uint64_t first, uint64_t count, const uint32_t *d, int w, int needed) {
    uint64_t hits = 0;
    uint32_t start[SIZE] = {19650218};
    static __thread uint32_t x[SIZE][LANES];
    for (int i = 1; i < SIZE; i++) start[i] = next_initial(start[i - 1], i);
    for (uint64_t base = 0; base < count; base += LANES) {
        seed_lanes_by_array(x, start, first + base);
        for (int l = 0; l < LANES && base + l < count; l++)
            hits += walk_lane(x, l, value_python_randrange, d, w, needed);
    }
    return hits;
}
uint64_t scan_python_randrange(uint64_t first, uint64_t count, const uint32_t *d) {
    return count_python_randrange(first, count, d, 4, 4);
}

/* glibc's TYPE_3 for seeds below 2^31: 31 words in a ring, of which 310 are thrown away. */
uint64_t count_glibc_rand(uint64_t first, uint64_t count, const uint32_t *d, int w, int needed) {
    uint64_t hits = 0;
    uint32_t x[31][LANES];
    for (uint64_t base = 0; base < count; base += LANES) {
        uint16_t seen[LANES] = {0};
        for (int l = 0; l < LANES; l++) x[0][l] = first + base + l ? (uint32_t)(first + base + l) : 1;
        for (int i = 1; i < 31; i++)
            for (int l = 0; l < LANES; l++) x[i][l] = remainder_of((uint64_t)x[i - 1][l] * 16807);
        for (int j = 0; j < 310; j++)
            for (int l = 0; l < LANES; l++) x[(j + 3) % 31][l] += x[j % 31][l];
        for (int k = 0; k < w && !HOPELESS(seen, LANES, k, w, needed); k++)
            for (int l = 0; l < LANES; l++)
                seen[l] += ((x[(k + 3) % 31][l] += x[k % 31][l]) >> 1) % 1000 == d[k];
        for (int l = 0; l < LANES && base + l < count; l++) hits += seen[l] >= needed;
    }
    return hits;
}
uint64_t scan_glibc_rand(uint64_t first, uint64_t count, const uint32_t *d) {
    return count_glibc_rand(first, count, d, 4, 4);
}
