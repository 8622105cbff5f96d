#pragma once
// GET /docs: every endpoint and field, from the tables that the requests are checked with.

#include <string>

namespace ingle {

std::string DocsPage();

}  // namespace ingle
