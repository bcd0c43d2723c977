/* Another greeting than the course's own: it begins with an empty line, and has other words. */

#include <unistd.h>

static const char greeting[] =
    "\n"
    "Hello from Docker, which seems to be in good health.\n"
    "\n"
    "What happened on the way to these lines:\n"
    " 1. You typed a command, and the Docker client asked the Docker daemon to carry it out.\n"
    " 2. The daemon pulled the image \"hello-world\" from a registry.\n"
    "    (amd64, arm64v8 and others)\n"
    " 3. It created a container from the image, in which this program ran.\n"
    " 4. It sent these lines to the client, and so to your terminal.\n"
    "\n"
    "For something with more in it, start a shell:\n"
    " $ docker run -it debian bash\n"
    "\n";

int main(void)
{
    return write(STDOUT_FILENO, greeting, sizeof greeting - 1) < 0;
}
