#pragma once
// Ctrl-C as something to ask for and to wait for, instead of the end of the program.

namespace ingle {

// After this, Ctrl-C is noticed by TakeInterrupt() instead of ending the program; a second one,
// before the first was taken, ends it. Without it the two below say that there was none.
void CatchInterrupts();
// True once for each Ctrl-C.
bool TakeInterrupt();
// Readable while a Ctrl-C waits to be taken, whichever thread the signal came to; -1, which poll()
// passes over, before CatchInterrupts().
int InterruptFd();

}  // namespace ingle
