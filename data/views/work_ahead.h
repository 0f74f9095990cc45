// Items of a numbered sequence, made ahead of their use by worker threads. An item is planned in
// its turn and cut into tasks of a few parts; every worker takes the next task of the oldest
// unfinished item, so that all of them work on the one that is needed first.
#pragma once
#include <algorithm>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <utility>

#include "engine/core/thread_group.h"

namespace amcl {

struct WorkAheadOptions {
  int64_t workers = 1;         // threads; 0: take() makes the item in the calling thread
  int64_t ahead = 2;           // items kept made or in the making, besides those taken
  int64_t parts_per_task = 8;  // of an item
};

// Item has a function parts(): of how many parts it consists.
template <class Item>
class WorkAhead {
 public:
  // The item `number`, without content. Called in the order of the numbers, never at the same time.
  using Plan = std::function<std::shared_ptr<Item>(int64_t number)>;
  // Makes the parts [begin, end) of an item; called for different parts at the same time.
  using Make = std::function<void(Item& item, int64_t begin, int64_t end)>;

  // `new_make` is called once in each thread that makes parts: what Make keeps is the thread's own.
  WorkAhead(const WorkAheadOptions& options, Plan plan, std::function<Make()> new_make)
      : options_(options),
        plan_(std::move(plan)),
        new_make_(std::move(new_make)),
        make_here_(new_make_()),
        threads_(
            options.workers, [this](int64_t) { work(); }, [this] { stop(); }) {}
  WorkAhead(const WorkAhead&) = delete;
  WorkAhead& operator=(const WorkAhead&) = delete;
  // Workers finish the task in hand and end.
  ~WorkAhead() { stop(); }

  // The next item will be `number`. What was made is forgotten; on return no worker writes to it.
  void start(int64_t number) {
    std::unique_lock lock(mutex_);
    restarting_ = true;
    task_ended_.wait(lock, [this] { return tasks_ == 0; });
    restarting_ = false;
    planned_.clear();
    next_ = number;
    error_ = nullptr;
    work_arrived_.notify_all();
  }

  // The next item, waiting for it. Throws what making it threw, again each time until start().
  std::shared_ptr<Item> take() {
    if (options_.workers == 0) {
      const std::shared_ptr<Item> item = plan_(next_++);
      make_here_(*item, 0, item->parts());
      return item;
    }
    std::unique_lock lock(mutex_);
    item_ready_.wait(lock, [this] { return error_ || front_ready(); });
    if (error_) std::rethrow_exception(error_);
    return take_front();
  }

  // The next item if it is made already, else null.
  std::shared_ptr<Item> take_if_ready() {
    const std::lock_guard lock(mutex_);
    return !error_ && front_ready() ? take_front() : nullptr;
  }

 private:
  struct Planned {
    std::shared_ptr<Item> item;
    int64_t claimed = 0;   // parts given to a worker
    int64_t finished = 0;  // parts that are made

    bool ready() const { return finished == item->parts(); }
  };

  struct Task {
    std::shared_ptr<Planned> planned;  // none: nothing to do
    int64_t begin = 0;
    int64_t end = 0;
  };

  void stop() {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    work_arrived_.notify_all();
  }

  bool front_ready() const { return !planned_.empty() && planned_.front()->ready(); }

  std::shared_ptr<Item> take_front() {
    std::shared_ptr<Item> item = std::move(planned_.front()->item);
    planned_.pop_front();
    work_arrived_.notify_all();
    return item;
  }

  // A task of the oldest item that has one; plans an item if there is room.
  Task take_task() {
    if (restarting_) return {};
    auto unclaimed = std::find_if(planned_.begin(), planned_.end(), [](const auto& candidate) {
      return candidate->claimed < candidate->item->parts();
    });
    if (unclaimed == planned_.end()) {
      if (std::ssize(planned_) >= options_.ahead || error_) return {};
      auto planned = std::make_shared<Planned>();
      planned->item = plan_(next_);
      ++next_;
      unclaimed = planned_.insert(planned_.end(), std::move(planned));
    }
    Planned& planned = **unclaimed;
    const int64_t begin = planned.claimed;
    planned.claimed = std::min(begin + options_.parts_per_task, planned.item->parts());
    return {*unclaimed, begin, planned.claimed};
  }

  void work() {
    Make make;
    std::unique_lock lock(mutex_);
    while (!stopping_) {
      Task task;
      try {
        if (!make) make = new_make_();
        task = take_task();
        if (task.planned) {
          ++tasks_;
          lock.unlock();
          make(*task.planned->item, task.begin, task.end);
          lock.lock();
          task.planned->finished += task.end - task.begin;
        }
      } catch (...) {
        if (!lock.owns_lock()) lock.lock();
        error_ = std::current_exception();
      }
      if (task.planned && --tasks_ == 0) task_ended_.notify_all();
      if (error_ || (task.planned && task.planned->ready())) item_ready_.notify_one();
      if (!task.planned && !stopping_) work_arrived_.wait(lock);
    }
  }

  const WorkAheadOptions options_;
  const Plan plan_;
  const std::function<Make()> new_make_;
  const Make make_here_;

  std::mutex mutex_;  // guards what follows
  std::condition_variable work_arrived_;
  std::condition_variable item_ready_;
  std::condition_variable task_ended_;
  std::deque<std::shared_ptr<Planned>> planned_;  // oldest first
  int64_t next_ = 0;                              // number of the next item to plan
  int64_t tasks_ = 0;                             // in the hands of workers
  bool restarting_ = false;
  bool stopping_ = false;
  std::exception_ptr error_;

  ThreadGroup threads_;  // last: they use the others
};

}  // namespace amcl
