/* What a container from the image hello-world runs: it says how it came to run. */

#include <stdio.h>

int main(void)
{
    puts("Hello from a container!\n"
         "\n"
         "If you can read this, the four parts of Docker have worked together:\n"
         " 1. The client, the command \"docker\" that you typed, sent your request to the\n"
         "    daemon, the program that looks after containers in the background.\n"
         " 2. The daemon looked for the image \"hello-world\". If it did not have it, it\n"
         "    had to get it first; the client then said so above.\n"
         " 3. The daemon made a new container from the image and started the one program\n"
         "    in it, which is writing these lines.\n"
         " 4. The daemon passed the lines on to the client, and the client wrote them to\n"
         "    your terminal.\n"
         "\n"
         "The program ends here, and so does the container. To look around in one that\n"
         "has a shell, try:\n"
         " $ docker run -it busybox sh");
    return 0;
}
