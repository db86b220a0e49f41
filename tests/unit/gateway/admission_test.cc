#include "server/gateway/admission.h"

#include <gtest/gtest.h>

#include <vector>

namespace vllm_router::gateway {
namespace {

// A loop that is never run on its own: its posted tasks run when the test says so.
class AdmissionTest : public testing::Test {
 protected:
  Admission::Waiter Waiter(int id) {
    return {.loop = &loop_, .admitted = [this, id] { admitted_.push_back(id); }};
  }
  Admission::Verdict Enter(int id, Admission::Ticket* ticket) {
    return admission_.Enter(/*max_active=*/1, /*max_queued=*/2, Waiter(id), ticket);
  }
  // One turn of the loop: what has been posted runs.
  void RunPosted() {
    loop_.Stop();
    loop_.Run();
  }

  net::EventLoop loop_;
  Admission admission_;
  std::vector<int> admitted_;
};

TEST_F(AdmissionTest, QueuesBeyondTheCapAndRefusesBeyondTheQueue) {
  Admission::Ticket ticket = 0;
  EXPECT_EQ(Enter(1, &ticket), Admission::Verdict::kAdmitted);
  EXPECT_EQ(Enter(2, &ticket), Admission::Verdict::kQueued);
  EXPECT_EQ(Enter(3, &ticket), Admission::Verdict::kQueued);
  EXPECT_EQ(Enter(4, &ticket), Admission::Verdict::kFull);
  EXPECT_EQ(admission_.queued(), 2u);
}

TEST_F(AdmissionTest, AdmitsInTheOrderOfArrivalWhenSlotsAreGivenBack) {
  Admission::Ticket ticket = 0;
  Enter(1, &ticket);
  Enter(2, &ticket);
  Enter(3, &ticket);
  admission_.Leave();
  admission_.Leave();
  RunPosted();
  EXPECT_EQ(admitted_, (std::vector<int>{2, 3}));
  // Both of them hold the only slots there are: one was passed on twice.
  EXPECT_EQ(Enter(4, &ticket), Admission::Verdict::kQueued);
}

TEST_F(AdmissionTest, AWithdrawnWaiterIsPassedOver) {
  Admission::Ticket second = 0;
  Admission::Ticket third = 0;
  Enter(1, &second);
  Enter(2, &second);
  Enter(3, &third);
  EXPECT_TRUE(admission_.Withdraw(second));
  EXPECT_FALSE(admission_.Withdraw(second));
  admission_.Leave();
  RunPosted();
  EXPECT_EQ(admitted_, std::vector<int>{3});
  EXPECT_FALSE(admission_.Withdraw(third));
}

TEST_F(AdmissionTest, TheLastOneOutLeavesTheSlotFree) {
  Admission::Ticket ticket = 0;
  Enter(1, &ticket);
  admission_.Leave();
  EXPECT_EQ(Enter(2, &ticket), Admission::Verdict::kAdmitted);
}

TEST_F(AdmissionTest, ARaisedCapAdmitsAsManyAsItAllowsOldestFirst) {
  Admission::Ticket ticket = 0;
  admission_.SetCap(1);
  for (int id = 1; id <= 4; ++id) admission_.Enter(1, 5, Waiter(id), &ticket);
  admission_.SetCap(3);
  RunPosted();
  EXPECT_EQ(admitted_, (std::vector<int>{2, 3}));
  EXPECT_EQ(admission_.queued(), 1u);
  admission_.SetCap(0);
  RunPosted();
  EXPECT_EQ(admitted_, (std::vector<int>{2, 3, 4}));
}

TEST_F(AdmissionTest, ALoweredCapGivesNoSlotAwayUntilItAllowsSo) {
  Admission::Ticket ticket = 0;
  admission_.SetCap(3);
  for (int id = 1; id <= 4; ++id) admission_.Enter(3, 5, Waiter(id), &ticket);
  admission_.SetCap(1);
  admission_.Leave();
  admission_.Leave();
  RunPosted();
  EXPECT_TRUE(admitted_.empty()) << "one still holds a slot";
  admission_.Leave();
  RunPosted();
  EXPECT_EQ(admitted_, std::vector<int>{4});
}

TEST_F(AdmissionTest, NobodyOvertakesThoseWhoWait) {
  Admission::Ticket ticket = 0;
  admission_.SetCap(1);
  Enter(1, &ticket);
  Enter(2, &ticket);
  // Of a generation with a higher cap that has not come into effect everywhere.
  EXPECT_EQ(admission_.Enter(5, 5, Waiter(3), &ticket), Admission::Verdict::kQueued);
  admission_.SetCap(5);
  RunPosted();
  EXPECT_EQ(admitted_, (std::vector<int>{2, 3}));
}

}  // namespace
}  // namespace vllm_router::gateway
