// A line of a log on its way into a string, by way of the stack: two dozen names and values, each a
// few bytes, cost more as appends to a string than everything else about a line.
//
// One per line, on the stack; the string has all of it when it is gone. Texts of any length; but
// the names, numbers and bytes of a line have to be fewer than kOthers altogether.
#ifndef SERVER_BASE_LINE_TEXT_H_
#define SERVER_BASE_LINE_TEXT_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace vllm_router::base {

class LineText {
 public:
  static constexpr size_t kOthers = 2048;
  // See strings.h. kNone: nothing that is shown needs any, which the caller has seen to.
  enum class Escapes : uint8_t { kPrintable, kJson, kNone };

  LineText(std::string* out, Escapes escapes) : out_(out), escapes_(escapes) {}
  ~LineText() { Flush(); }
  LineText(const LineText&) = delete;
  LineText& operator=(const LineText&) = delete;

  void Add(std::string_view text) {
    if (static_cast<size_t>(end_ - text_.data()) + text.size() > kRoom) return AddLong(text);
    std::memcpy(end_, text.data(), text.size());
    end_ += text.size();
  }
  // At most `limit` bytes, escaped where they have to be.
  void AddShown(std::string_view value, size_t limit);

  // A text of the line's own. A copy of a size that the compiler knows takes no call.
  template <size_t kSize>
  void AddFixed(const std::array<char, kSize>& bytes) {
    std::memcpy(end_, bytes.data(), kSize);
    end_ += kSize;
  }
  void AddByte(char c) { *end_++ = c; }
  void AddNumber(uint64_t value);
  // Nanoseconds as milliseconds with three more digits; 0 for less than none.
  void AddMilliseconds(int64_t ns);
  // Of a number below 1,000.
  void AddThreeDigits(uint64_t value);

 private:
  void AddLong(std::string_view text);
  void Flush() {
    out_->append(text_.data(), end_);
    end_ = text_.data();
  }

  static constexpr size_t kRoom = 1024;  // for texts; behind it there is room for the others

  std::string* const out_;
  const Escapes escapes_;
  std::array<char, kRoom + kOthers> text_;
  char* end_ = text_.data();
};

}  // namespace vllm_router::base

#endif  // SERVER_BASE_LINE_TEXT_H_
