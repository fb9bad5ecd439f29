/* The filter of test/capabilities, as a command of the guest. */
#include "../capabilities/seccomp-run.c"
