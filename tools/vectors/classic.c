/* Two generators of the classic table that no runtime offers as they stand, written from their
 * published definitions as a second implementation. The protocol is described in make.py.
 *
 * xorshift32: G. Marsaglia, "Xorshift RNGs", Journal of Statistical Software 8(14), 2003, with the
 *             shifts 13, 17, 5; the state is the word.
 * java_lcg:   the recurrence of java.util.Random, s' = 0x5DEECE66D s + 11 mod 2^48, without its
 *             scrambling of the seed; the word is bits 16 to 47 of the new state.
 */

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static uint32_t xorshift32(uint64_t *state)
{
    uint32_t s = (uint32_t)*state;
    s ^= s << 13;
    s ^= s >> 17;
    s ^= s << 5;
    *state = s;
    return s;
}

static uint32_t java_lcg(uint64_t *state)
{
    *state = (UINT64_C(0x5DEECE66D) * *state + 11) & ((UINT64_C(1) << 48) - 1);
    return (uint32_t)(*state >> 16);
}

int main(int argc, char **argv)
{
    const char *preset = argc > 1 ? argv[1] : "";
    uint32_t (*next)(uint64_t *);
    if (strcmp(preset, "--version") == 0) {
        printf("C, compiled by gcc %s\n", __VERSION__);
        return 0;
    }
    if (strcmp(preset, "xorshift32") == 0)
        next = xorshift32;
    else if (strcmp(preset, "java_lcg") == 0)
        next = java_lcg;
    else {
        fprintf(stderr, "unknown preset %s\n", preset);
        return 1;
    }
    uint64_t state; /* begins as the seed: both generators take it as it is */
    uint64_t modulus;
    int skip, count;
    while (scanf("%" SCNu64 " %" SCNu64 " %d %d", &state, &modulus, &skip, &count) == 4) {
        for (int i = 0; i < count; i++) {
            for (int dropped = 0; dropped < skip; dropped++)
                next(&state);
            printf("%s%" PRIu64, i ? " " : "", next(&state) % modulus);
        }
        printf("\n");
    }
    return 0;
}
