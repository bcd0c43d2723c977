#include <stdio.h>

int main(void)
{
    puts("Hello from my own image");
    return 0;
}
