/* Answers of the GNU C library. The protocol is described in make.py. */

#include <gnu/libc-version.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static long draw(int is_double, long modulus)
{
    return is_double ? (long)(drand48() * modulus) : lrand48() % modulus;
}

int main(int argc, char **argv)
{
    const char *preset = argc > 1 ? argv[1] : "";
    if (strcmp(preset, "--version") == 0) {
        printf("glibc %s\n", gnu_get_libc_version());
        return 0;
    }
    int is_double = strcmp(preset, "c_drand48") == 0;
    if (!is_double && strcmp(preset, "c_lrand48") != 0) {
        fprintf(stderr, "unknown preset %s\n", preset);
        return 1;
    }
    unsigned long seed;
    long modulus;
    int skip, count;
    while (scanf("%lu %ld %d %d", &seed, &modulus, &skip, &count) == 4) {
        srand48((long)seed);
        for (int i = 0; i < count; i++) {
            for (int dropped = 0; dropped < skip; dropped++)
                draw(is_double, modulus);
            printf("%s%ld", i ? " " : "", draw(is_double, modulus));
        }
        printf("\n");
    }
    return 0;
}
