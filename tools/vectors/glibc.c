/* Answers of the GNU C library. The protocol is described in make.py. */

#include <gnu/libc-version.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(int argc, char **argv)
{
    const char *preset = argc > 1 ? argv[1] : "";
    if (strcmp(preset, "--version") == 0) {
        printf("glibc %s\n", gnu_get_libc_version());
        return 0;
    }
    if (strcmp(preset, "c_lrand48") != 0) {
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
                lrand48();
            printf("%s%ld", i ? " " : "", lrand48() % modulus);
        }
        printf("\n");
    }
    return 0;
}
