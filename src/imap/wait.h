// The one way to wait in this folder: for a descriptor, against a deadline, open to interruption.
#pragma once

#include "emlfs/base/clock.h"
#include "emlfs/base/file.h"

struct pollfd;

namespace emlfs::imap {

// Waits until one of `count` descriptors has an event, and sets its revents. False if the deadline
// passed first. Throws Error(cancelled, connection) once `interrupt` is signalled. At most 31.
bool waitForAny(pollfd* waited, size_t count, Deadline deadline, const Event& interrupt);

// The same for one descriptor; gives its revents, 0 if the deadline passed.
short waitFor(int fd, short events, Deadline deadline, const Event& interrupt);

// Throws the same, without waiting.
void checkInterrupt(const Event& interrupt);

}  // namespace emlfs::imap
