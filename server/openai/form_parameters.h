// Parameters of a Content-Type or Content-Disposition header field: `form-data; name="model";
// filename=a.wav`. Quoted strings end at the first unescaped quote; `\"` and `\\` are the only
// escapes (what browsers, curl and the engines' parser agree on), any other backslash is a
// backslash. What parsers read differently is malformed: a value that ends with a backslash, a
// quote inside an unquoted one. A cursor over the caller's bytes; not thread-safe.
#ifndef SERVER_OPENAI_FORM_PARAMETERS_H_
#define SERVER_OPENAI_FORM_PARAMETERS_H_

#include <string_view>

namespace vllm_router::openai {

struct FormParameter {
  std::string_view name;   // in the case it was written in
  std::string_view value;  // without its quotes, escapes still in it
  bool quoted = false;
};

class FormParameters {
 public:
  // `field_value` as received, without surrounding white space.
  explicit FormParameters(std::string_view field_value);

  // What stands before the first semicolon, such as "form-data".
  std::string_view head() const { return head_; }
  // False at the end, and after something that is no parameter: see malformed().
  bool Next(FormParameter* out);
  bool malformed() const { return malformed_; }

 private:
  bool Malformed();

  std::string_view head_;
  std::string_view rest_;  // from a semicolon on, or empty
  bool malformed_ = false;
};

}  // namespace vllm_router::openai

#endif  // SERVER_OPENAI_FORM_PARAMETERS_H_
