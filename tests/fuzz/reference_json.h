// A small strict JSON reader (RFC 8259) to compare the request view with: slow, recursive, and in
// no way related to simdjson. It keeps the members of the top-level object only. Lone surrogates
// are refused; nesting deeper than 200 gives no verdict.
#ifndef TESTS_FUZZ_REFERENCE_JSON_H_
#define TESTS_FUZZ_REFERENCE_JSON_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace vllm_router::openai {

struct ReferenceMember {
  std::string key;    // unescaped
  std::string token;  // the value as written
  std::string text;   // of a string: unescaped
};

class ReferenceJson {
 public:
  enum class Verdict { kObject, kOtherValue, kInvalid, kTooDeep };

  explicit ReferenceJson(std::string_view text) : text_(text) {
    try {
      SkipSpace();
      const bool is_object = Peek() == '{';
      Value(0);
      SkipSpace();
      if (at_ != text_.size()) throw Verdict::kInvalid;
      verdict_ = is_object ? Verdict::kObject : Verdict::kOtherValue;
    } catch (Verdict stop) {
      verdict_ = stop;
    }
  }

  Verdict verdict() const { return verdict_; }
  const std::vector<ReferenceMember>& members() const { return members_; }

  // Reads `literal` as one whole JSON string. False if it is none.
  static bool Unescape(std::string_view literal, std::string* out) {
    ReferenceJson reader(literal, 0);
    try {
      *out = reader.String();
      return reader.at_ == literal.size();
    } catch (Verdict) {
      return false;
    }
  }

 private:
  ReferenceJson(std::string_view text, size_t at) : text_(text), at_(at) {}

  int Peek() const { return at_ < text_.size() ? static_cast<unsigned char>(text_[at_]) : -1; }
  int Take() {
    const int c = Peek();
    if (c < 0) throw Verdict::kInvalid;
    ++at_;
    return c;
  }
  void Expect(std::string_view wanted) {
    for (char c : wanted) {
      if (Take() != static_cast<unsigned char>(c)) throw Verdict::kInvalid;
    }
  }
  void SkipSpace() {
    while (Peek() == ' ' || Peek() == '\t' || Peek() == '\r' || Peek() == '\n') ++at_;
  }

  void Value(int depth) {
    if (depth > 200) throw Verdict::kTooDeep;
    switch (Peek()) {
      case '{':
        return Object(depth);
      case '[':
        return Array(depth);
      case '"':
        last_string_ = String();
        return;
      case 't':
        return Expect("true");
      case 'f':
        return Expect("false");
      case 'n':
        return Expect("null");
      default:
        return Number();
    }
  }

  void Object(int depth) {
    Expect("{");
    SkipSpace();
    if (Peek() == '}') return Expect("}");
    for (;;) {
      SkipSpace();
      ReferenceMember member;
      member.key = String();
      SkipSpace();
      Expect(":");
      SkipSpace();
      const size_t begin = at_;
      Value(depth + 1);
      if (depth == 0) {
        member.token = text_.substr(begin, at_ - begin);
        member.text = member.token[0] == '"' ? last_string_ : "";
        members_.push_back(member);
      }
      SkipSpace();
      if (Peek() == '}') return Expect("}");
      Expect(",");
    }
  }

  void Array(int depth) {
    Expect("[");
    SkipSpace();
    if (Peek() == ']') return Expect("]");
    for (;;) {
      SkipSpace();
      Value(depth + 1);
      SkipSpace();
      if (Peek() == ']') return Expect("]");
      Expect(",");
    }
  }

  bool IsDigit() const { return Peek() >= '0' && Peek() <= '9'; }
  void Digits() {
    if (!IsDigit()) throw Verdict::kInvalid;
    while (IsDigit()) ++at_;
  }
  void Number() {
    if (Peek() == '-') ++at_;
    if (Peek() == '0') {
      ++at_;
    } else {
      Digits();
    }
    if (Peek() == '.') {
      ++at_;
      Digits();
    }
    if (Peek() == 'e' || Peek() == 'E') {
      ++at_;
      if (Peek() == '+' || Peek() == '-') ++at_;
      Digits();
    }
  }

  uint32_t FourHexDigits() {
    constexpr std::string_view kHexDigits = "0123456789abcdefABCDEF";
    uint32_t value = 0;
    for (int i = 0; i < 4; ++i) {
      const size_t digit = kHexDigits.find(static_cast<char>(Take()));
      if (digit == std::string_view::npos) throw Verdict::kInvalid;
      value = value * 16 + static_cast<uint32_t>(digit < 16 ? digit : digit - 6);
    }
    return value;
  }

  uint32_t EscapedUnicode() {
    const uint32_t first = FourHexDigits();
    if (first < 0xD800 || first > 0xDFFF) return first;
    if (first > 0xDBFF) throw Verdict::kInvalid;
    Expect("\\u");
    const uint32_t second = FourHexDigits();
    if (second < 0xDC00 || second > 0xDFFF) throw Verdict::kInvalid;
    return 0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00);
  }

  static void AppendUtf8(uint32_t c, std::string* out) {
    if (c < 0x80) {
      *out += static_cast<char>(c);
    } else if (c < 0x800) {
      *out += {static_cast<char>(0xC0 | c >> 6), static_cast<char>(0x80 | (c & 0x3F))};
    } else if (c < 0x10000) {
      *out += {static_cast<char>(0xE0 | c >> 12), static_cast<char>(0x80 | (c >> 6 & 0x3F)),
               static_cast<char>(0x80 | (c & 0x3F))};
    } else {
      *out += {static_cast<char>(0xF0 | c >> 18), static_cast<char>(0x80 | (c >> 12 & 0x3F)),
               static_cast<char>(0x80 | (c >> 6 & 0x3F)), static_cast<char>(0x80 | (c & 0x3F))};
    }
  }

  // A code point of more than one byte: decoded, and encoded again to see that it had its one valid
  // form.
  void MultiByte(int lead, std::string* out) {
    const int more = lead >= 0xF0 ? 3 : lead >= 0xE0 ? 2 : 1;
    if (lead < 0xC0 || lead > 0xF7) throw Verdict::kInvalid;
    std::string bytes(1, static_cast<char>(lead));
    uint32_t c = static_cast<uint32_t>(lead) & (0x3Fu >> more);
    for (int i = 0; i < more; ++i) {
      const int next = Take();
      if ((next & 0xC0) != 0x80) throw Verdict::kInvalid;
      bytes += static_cast<char>(next);
      c = c << 6 | (static_cast<uint32_t>(next) & 0x3F);
    }
    std::string again;
    if (c <= 0x10FFFF) AppendUtf8(c, &again);
    if (again != bytes || (c >= 0xD800 && c <= 0xDFFF)) throw Verdict::kInvalid;
    *out += bytes;
  }

  std::string String() {
    constexpr std::string_view kEscapes = "\"\\/bfnrt";
    constexpr std::string_view kMeanings = "\"\\/\b\f\n\r\t";
    std::string out;
    Expect("\"");
    for (;;) {
      const int c = Take();
      if (c == '"') return out;
      if (c < 0x20) throw Verdict::kInvalid;
      if (c >= 0x80) {
        MultiByte(c, &out);
      } else if (c != '\\') {
        out += static_cast<char>(c);
      } else if (Peek() == 'u') {
        Take();
        AppendUtf8(EscapedUnicode(), &out);
      } else {
        const size_t which = kEscapes.find(static_cast<char>(Take()));
        if (which == std::string_view::npos) throw Verdict::kInvalid;
        out += kMeanings[which];
      }
    }
  }

  std::string_view text_;
  size_t at_ = 0;
  Verdict verdict_ = Verdict::kInvalid;
  std::string last_string_;
  std::vector<ReferenceMember> members_;
};

}  // namespace vllm_router::openai

#endif  // TESTS_FUZZ_REFERENCE_JSON_H_
