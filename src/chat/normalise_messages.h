#pragma once
// What the API does to messages before a template sees them, so that every client's way of writing
// works with every template. `ingle render` does none of this unless asked to.

#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "chat/chat_template.h"

namespace ingle {

struct NormalisedMessages {
  json::array messages;
  std::vector<std::string> warnings;
};

// developer becomes system; null or missing content becomes ""; text parts become one string,
// joined by newlines; tool_calls[].function.arguments given as JSON text become an object;
// `reasoning` becomes reasoning_content; null fields go. Errors name the field:
// "messages[2].content[0].type".
Result<NormalisedMessages> NormaliseMessages(const json::array& messages);

// For templates that insist on alternating turns: leading system messages become one, later ones
// become user messages, and neighbours of the same role are joined.
json::array MergeTurns(const json::array& messages);

struct RenderedConversation {
  std::vector<TextSpan> spans;
  std::vector<std::string> warnings;
};

// Normalises and renders. A template that reads `thinking` of messages and no reasoning_content
// gets the reasoning under that name. When the template refuses the order of the turns, renders
// MergeTurns of them, with a warning.
Result<RenderedConversation> RenderConversation(const ChatTemplate& chat_template,
                                                const json::array& messages,
                                                const json::array& tools,
                                                const RenderOptions& options);

}  // namespace ingle
