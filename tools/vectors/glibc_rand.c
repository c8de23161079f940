/* Answers of the GNU C library's rand. The protocol is described in make.py. */

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
    int type0 = strcmp(preset, "glibc_rand_type0") == 0;
    if (!type0 && strcmp(preset, "glibc_rand") != 0) {
        fprintf(stderr, "unknown preset %s\n", preset);
        return 1;
    }
    static char state[8]; /* as small as it may be: TYPE_0 */
    unsigned seed;
    long modulus;
    int skip, count;
    while (scanf("%u %ld %d %d", &seed, &modulus, &skip, &count) == 4) {
        if (type0)
            initstate(seed, state, sizeof state);
        else
            srand(seed);
        for (int i = 0; i < count; i++) {
            for (int dropped = 0; dropped < skip; dropped++)
                rand();
            printf("%s%ld", i ? " " : "", rand() % modulus);
        }
        printf("\n");
    }
    return 0;
}
