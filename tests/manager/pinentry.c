/* A pinentry that asks nobody: it reads the code from the file CODE, as one with the set-group-ID bit may that is its
   group's only. */
#include <stdio.h>
#include <string.h>

int main(void) {
    char line[1024], code[16];
    puts("OK ready");
    fflush(stdout);
    while (fgets(line, sizeof line, stdin)) {
        if (strncmp(line, "GETPIN", 6) == 0) {
            FILE *file = fopen(CODE, "r");
            if (file && fgets(code, sizeof code, file)) {
                code[strcspn(code, "\n")] = 0;
                printf("D %s\nOK\n", code);
            } else {
                /* GPG_ERR_NO_DATA */
                puts("ERR 58 no code");
            }
        } else {
            puts("OK");
        }
        fflush(stdout);
    }
    return 0;
}
