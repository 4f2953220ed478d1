// Sample mail for tests, from tests/support/sample_mail.py.
#pragma once

#include <string>
#include <vector>

namespace emlfs::test {

// The path of a Maildir that the generator wrote with `options`, such as {"--messages", "300",
// "--largest", "1"}. It is kept beside the test programs and shared by them: never change it, copy
// it, as Dovecot's constructor does. Throws std::runtime_error. Thread-safe, and between processes.
std::string sampleMail(const std::vector<std::string>& options = {});

}  // namespace emlfs::test
