/*
 * The parking protocol of docs/architecture/parking.md, for Spin to search completely:
 * scripts/check-model.sh, which also plants mistakes and expects each to be found.
 *
 * One step makes one access to shared memory: an `atomic` block is one access and what follows from
 * it in the process's own variables. An operation on a queue is one step, at the instant as of which
 * it answers; how each queue gets there is argued at the head of its own file. A MUTANT_ is a planted
 * mistake.
 *
 *   WORKERS   seats
 *   NODES     of one or two nodes, to which the seats belong in turn; a task goes to the queue of any
 *   TASKS     how many tasks are submitted, at any time
 *   WAKEUPS   how often workers' loops do something of their own, in all
 *   ASYNCS    how many tasks are asynchronous, in all: each saturates its worker
 *   LEAVES    how often a worker ends, in all; another follows in its seat, or none
 *   SPAWNS    how many tasks the workers spawn from within tasks, in all
 *   LONG      task 0, if not asynchronous, ends only after all others have come back
 *   LONG_ASYNC  the same of asynchronous tasks
 *   AT_ONCE   the owner does not sleep before it has submitted all
 *   BLOCKING  the group of seats for tasks that block their thread: each is claimed alone
 *   EAGER     the throttle never says no: CPUs idle and help pays
 *   SPARING   the throttle says no to all but an owner whose timer is over and nobody has taken work;
 *             with neither, it may say either at any time
 *   TIMER     the owner asks about a backlog again; without it, a task must not need that
 */
#ifndef WORKERS
#define WORKERS 2
#endif
#ifndef NODES
#define NODES 1
#endif
#ifndef TASKS
#define TASKS 2
#endif
#ifndef WAKEUPS
#define WAKEUPS 0
#endif
#ifndef ASYNCS
#define ASYNCS 0
#endif
#ifndef LEAVES
#define LEAVES 0
#endif
#ifndef SPAWNS
#define SPAWNS 0
#endif

/* SeatGroup */
short searching;
byte parked_count;
byte available;
byte parked;                        /* the word of bits */
#if NODES > 1
/* NodeSeats */
short node_searching[NODES];
byte node_parked[NODES];
byte node_available[NODES];
#endif
/* BandQueue, one class, for each node: the set of its tasks. They are claimed as they came. */
byte queue[NODES];
byte tail;                          /* how many have been submitted */
/* Deque: the set of its tasks */
byte deque[WORKERS];
/* CompletionRing: the set of its tasks */
byte ring[WORKERS];
/* Parker */
bit owner_parked, owner_event;
bit event[WORKERS];
/* Scheduler::unasked_ */
bit unasked;
/* Scheduler::spawned_ */
short unended;
/* Seat::spawned, ended */
byte spawned[WORKERS], ended[WORKERS];

bit progress;                       /* last_progress_ is later than the owner's timer was set */
/* For the properties and bounds; no decision of the protocol depends on them. Sets of tasks, by bits. */
byte ran, reaped, gone;             /* `gone`: spawned tasks that are over */
byte spawns;                        /* how many were begun to be spawned */
byte wakeups = WAKEUPS, asyncs = ASYNCS, leaves = LEAVES;

#define SUBMITTED ((1 << tail) - 1)
/* Spawned tasks have the numbers from TASKS on. */
#define ALL_SPAWNED (((1 << spawns) - 1) << TASKS)
#define IS_SPAWNED(set) ((set) >= (1 << TASKS))
#define OTHERS_ARE_BACK (tail == TASKS && (reaped | gone | task) == (SUBMITTED | ALL_SPAWNED))
#define BIT(i) (1 << (i))
/* The lowest task of a set, and how many there are. */
#define LOWEST(set) ((set) & -(set))
#define COUNT(set) (((set) & 1) + (((set) >> 1) & 1) + (((set) >> 2) & 1))

#if NODES > 1
#define HOME(i) ((i) % 2)
#define OTHER(q) (1 - (q))
#define MEMBERS(q) (85 << (q))
#define HAS_ROOM(q) (node_searching[q] > 0 || (parked & MEMBERS(q)))
#define ALL_QUEUES (queue[0] | queue[1])
#define COUNT_NODE(counter, q, change) counter[q] = counter[q] change
#define LAST_OF_ALL(value) last_of_all = (value)
#else
#define HOME(i) 0
#define ALL_QUEUES queue[0]
#define COUNT_NODE(counter, q, change) skip
#define LAST_OF_ALL(value) skip
#endif

/* Seats for blocking tasks have nothing to steal. */
#ifdef BLOCKING
#define FIRST_VICTIM WORKERS
#else
#define FIRST_VICTIM 1
#endif

/* What ShouldWake asks of CPUs, times and estimates, into `yes`. */
#ifdef EAGER
#define THROTTLE yes = 1
#elif defined(SPARING)
#define THROTTLE yes = 0
#else
#define THROTTLE if :: yes = 1 :: yes = 0 fi
#endif

/* Scheduler::HasWorkFor, into `yes` */
inline HasWork() {
  atomic { yes = (ALL_QUEUES != 0) };
#ifndef BLOCKING
  do
  :: atomic { !yes -> yes = (deque[i] != 0); i++;
       if :: yes || i == WORKERS -> i = 0; break :: else fi }
  :: atomic { yes -> i = 0; break }
  od
#endif
}

/* Scheduler::ShouldWake after NodeNeedsMore, and ShouldWakeNode, into `yes` */
inline AskAll(q) {
  if
  :: atomic { parked_count == 0 -> yes = 0 }
  :: parked_count > 0 ->
#ifdef BLOCKING
     atomic { if :: searching > 0 -> n = searching :: else fi };
     atomic { yes = (n == 0 || COUNT(queue[0]) > n); n = 0 }
#else
#if NODES > 1
     if                             /* NeedsSearcher, into `need`; AllAsleep of the node */
#ifdef MUTANT_ANY_SEARCHER
     :: atomic { searching > 0 -> need = 0 }
     :: searching <= 0 ->
#else
     :: atomic { node_searching[q] > 0 -> need = 0 }
     :: node_searching[q] <= 0 ->
#endif
        n = node_parked[q];
        if
        :: atomic { n > 0 && n >= node_available[q] -> need = 1; yes = 1; n = 0 }
        :: atomic { !(n > 0 && n >= node_available[q]) -> need = (searching <= 0); n = 0 }
        fi
     fi;
#define NEEDED need
#else
#define NEEDED (searching <= 0)
#endif
     if
     :: yes -> need = 0
     :: !yes && NEEDED ->
        n = parked_count;
#ifdef MUTANT_SATURATED_COUNT
        atomic { if :: n >= WORKERS -> yes = 1 :: else -> THROTTLE fi; n = 0; need = 0 }
#else
        atomic { if :: n >= available -> yes = 1 :: else -> THROTTLE fi; n = 0; need = 0 }
#endif
#ifdef EAGER
     :: atomic { !yes && !NEEDED -> yes = 0 }
#else
     :: atomic { !yes && !NEEDED -> THROTTLE }  /* Stalled */
#endif
     fi
#endif
  fi
}

/* Scheduler::NodeNeedsMore, into `need`: of a node that has a searcher, or somebody awake, times
   and estimates may say no. */
inline NodeNeedsMore(q) {
  if
  :: atomic { node_searching[q] > 0 ->
#ifdef EAGER
       yes = 0
#else
       THROTTLE
#endif
     }
  :: node_searching[q] <= 0 ->
     n = node_parked[q];
     atomic { if :: n >= node_available[q] -> yes = 1 :: else -> THROTTLE fi; n = 0 }
  fi;
  atomic { need = yes; yes = 0 }
}

/* Scheduler::ShouldWake, into `yes` */
inline ShouldWake(q) {
#if NODES > 1 && !defined(MUTANT_ANY_SEARCHER)
  NodeNeedsMore(q);
  if
  :: atomic { !need -> yes = 0 }
  :: atomic { need -> need = 0 }
     AskAll(q)
  fi
#else
  AskAll(q)
#endif
}

/*
 * Scheduler::WakeOneOf the seats in `bits`, beginning with any of them; leaves `yes` if it met nobody.
 */
inline WakeOneOf() {
  i = 0;
  if
  :: skip
  :: i = WORKERS - 1
  fi;
  do
  :: atomic { bits && !(bits & BIT(i)) -> i = (i + 1) % WORKERS }
  :: atomic { bits & BIT(i) ->          /* ClearParked */
       bits = bits & ~BIT(i); yes = !(parked & BIT(i)); parked = parked & ~BIT(i) };
     if
     :: !yes ->
#if NODES > 1
        atomic { assert(node_parked[HOME(i)] > 0); node_parked[HOME(i)]-- };
#endif
        atomic { assert(parked_count > 0); parked_count-- };
#ifndef MUTANT_UNCOUNTED
#if NODES > 1
        node_searching[HOME(i)]++;
#endif
        searching++;
#endif
        atomic { event[i] = 1; bits = 0 }
     :: else
     fi
  :: atomic { !bits -> i = 0; break }
  od
}

/* Scheduler::WakeOne, if `yes` */
inline WakeOne(q) {
#if NODES > 1
  if
  :: yes && node_parked[q] > 0 -> bits = parked & MEMBERS(q); WakeOneOf()
  :: !(yes && node_parked[q] > 0)
  fi;
  if
  :: yes && node_parked[OTHER(q)] > 0 -> bits = parked & MEMBERS(OTHER(q)); WakeOneOf()
  :: !(yes && node_parked[OTHER(q)] > 0)
  fi;
  yes = 0
#else
  if
  :: yes -> bits = parked; WakeOneOf(); yes = 0
  :: else
  fi
#endif
}

/* Scheduler::WaitingQueue, into `n` */
inline WaitingQueue(q) {
#if NODES > 1
  if
  :: atomic { queue[q] != 0 -> n = q }
  :: queue[q] == 0 ->
     atomic { if :: queue[OTHER(q)] != 0 -> n = OTHER(q) :: else -> n = q fi }
  fi
#else
  skip
#endif
}

/* Scheduler::PassOn */
inline PassOn() {
  if
  :: parked_count > 0 -> HasWork(); WaitingQueue(HOME(me)); WakeOne(n); n = 0
  :: parked_count == 0
  fi
}

/* Scheduler::Unpark; ClearParked */
inline Unpark() {
  if
  :: is_parked ->
     atomic {
       is_parked = 0;
       if
       :: (parked >> me) & 1 -> parked = parked & ~BIT(me); yes = 1
       :: else -> is_searching = 1  /* called: whoever cleared the bit has counted it */
       fi
     };
     if
     :: yes ->
        COUNT_NODE(node_parked, HOME(me), - 1);
        atomic { assert(parked_count > 0); parked_count--; yes = 0 }
     :: else
     fi
  :: else
  fi
}

/* Scheduler::BeginSearch */
inline BeginSearch() {
  if
  :: !is_searching ->
     COUNT_NODE(node_searching, HOME(me), + 1);
     atomic { is_searching = 1; searching++ }
  :: else
  fi
}

/* Scheduler::EndSearch(seat, false) */
inline EndSearch() {
  if
  :: is_searching ->
     COUNT_NODE(node_searching, HOME(me), - 1);
     atomic { is_searching = 0; searching-- }
  :: else
  fi
}

/* Scheduler::CallNext, if `yes` */
inline CallNext() {
#if NODES > 1
  if
  :: yes && !last_of_all ->
     yes = 0;
     if
     :: queue[HOME(me)] != 0 ->
        ShouldWake(HOME(me));
        if
        :: yes -> WakeOne(HOME(me))
        :: else
        fi
     :: else
     fi;
     yes = 0
  :: else -> LAST_OF_ALL(0)
  fi;
  if
  :: yes && queue[OTHER(HOME(me))] != 0 ->
     yes = 0;
     ShouldWake(OTHER(HOME(me)));
     if
     :: yes -> WakeOne(OTHER(HOME(me)))
     :: !yes -> yes = 1
     fi
  :: else
  fi;
#endif
  if
  :: yes ->
     yes = 0;
     ShouldWake(HOME(me));
     if
     :: yes -> HasWork(); WakeOne(HOME(me))
     :: else
     fi
  :: else
  fi
}

/* The end of Scheduler::FindWork, and EndSearch(seat, true) in it */
inline Found() {
  if
  :: is_searching ->
#if NODES > 1
     atomic { yes = (node_searching[HOME(me)] <= 1); node_searching[HOME(me)]-- };
#endif
#if defined(MUTANT_SILENT_SEARCHER)
     atomic { is_searching = 0; searching--; yes = 0 }
#elif defined(BLOCKING)
     atomic { is_searching = 0; searching--; yes = 1 }
#elif defined(MUTANT_LAST_IS_ONE)
     atomic { yes = (yes || searching == 1); is_searching = 0; searching-- }
#else
     atomic {
       LAST_OF_ALL(searching <= 1);
       yes = (yes || searching <= 1);
       is_searching = 0;
       searching--
     }
#endif
  :: else -> atomic { LAST_OF_ALL(0); yes = 1 }
  fi;
  CallNext()
}

/* Parker::Unpark */
inline UnparkOwner() {
  if
  :: !owner_parked
  :: owner_parked -> SignalOwner()
  fi
}
inline SignalOwner() {
  if
  :: atomic { owner_parked -> owner_parked = 0 }; owner_event = 1
  :: !owner_parked
  fi
}

/* Scheduler::AskOwner */
#define FEWER_THAN(count) (!deque[me] || (count == 2 && deque[me] == LOWEST(deque[me])))
inline AskOwner(left_over) {
  if
  :: !unasked
  :: unasked ->
     if
     :: FEWER_THAN(left_over)       /* Size() */
     :: !FEWER_THAN(left_over) ->
        if
        :: parked_count == 0
        :: parked_count > 0 ->
           if
           :: atomic { unasked -> unasked = 0 }; UnparkOwner()
           :: !unasked
           fi
        fi
     fi
  fi
}

/* Scheduler::ClaimFrom */
inline ClaimFrom(q) {
  if
  :: atomic { queue[q] != 0 -> hand = LOWEST(queue[q]); queue[q] = queue[q] & ~hand; progress = 1 }
#if TASKS > 1 && !defined(BLOCKING)
  :: atomic { queue[q] != LOWEST(queue[q]) ->
       hand = LOWEST(queue[q]) | LOWEST(queue[q] & (queue[q] - 1));
       queue[q] = queue[q] & ~hand; progress = 1 }
#endif
  :: atomic { queue[q] == 0 -> skip }
  fi
}

/*
 * Scheduler::IsLeftTo, into `result`, for a queue or a deque in which something was seen. How long
 * something has been left is not in the model: it may be left for ever, or not at all.
 */
#if NODES > 1
inline IsLeftTo(node, queued) {
  if
  :: HAS_ROOM(node) ->
     result = 1;
     yes = 0;
     if
     :: queued -> yes = 1
     :: !queued -> ShouldWake(node)
     fi;
     if
     :: yes -> CallSleeperOf(node)
     :: !yes
     fi
  :: skip
  fi
}

/* Scheduler::CallSleeperOf */
inline CallSleeperOf(node) {
#ifdef MUTANT_ANY_SEARCHER
  yes = 0
#else
  if
  :: node_searching[node] > 0 -> yes = 0
  :: node_searching[node] <= 0 -> bits = parked & MEMBERS(node); WakeOneOf(); yes = 0
  fi
#endif
}
#endif

/* Scheduler::FindWork, then on at `next` if there is work; Search, SearchNodes, StealFrom */
inline FindWork() {
  do
  :: atomic { deque[me] != 0 -> goto next }
  :: deque[me] == 0 ->
     ClaimFrom(HOME(me));
     v = FIRST_VICTIM;
     do
     :: atomic { !hand && v < WORKERS && deque[(me + v) % WORKERS] == 0 -> v++ }
     :: !hand && v < WORKERS && deque[(me + v) % WORKERS] != 0;      /* Size */
#if NODES > 1
        if
        :: HOME((me + v) % WORKERS) != HOME(me) -> IsLeftTo(HOME((me + v) % WORKERS), 0)
        :: else
        fi;
        if
        :: atomic { result -> result = 0; v++ }
        :: !result ->
#endif
        progress = 1;
        atomic {                    /* one of them, or none if others were faster */
          hand = LOWEST(deque[(me + v) % WORKERS]);
          deque[(me + v) % WORKERS] = deque[(me + v) % WORKERS] & ~hand; v++
        }
#if NODES > 1
        fi
#endif
     :: atomic { hand -> v = 0; break }
     :: atomic { !hand && v >= WORKERS -> v = 0; break }
     od;
#if NODES > 1
     if
     :: !hand && queue[OTHER(HOME(me))] != 0 ->
        IsLeftTo(OTHER(HOME(me)), 1);
        if
        :: atomic { result -> result = 0 }
        :: !result -> ClaimFrom(OTHER(HOME(me)))
        fi
     :: else
     fi;
#endif
     if
     :: hand ->
        do
        :: atomic { n = LOWEST(hand); deque[me] = deque[me] | n; hand = hand & ~n; n = 0;
             if :: !hand -> break :: else fi }
        od;
        Found();
#ifndef MUTANT_UNASKED
        AskOwner(2);
#endif
        goto next
     :: else -> break
     fi
  od
}

/* Scheduler::VisibleWork, into `result` and `leaving`; the own deque is empty */
inline VisibleWork() {
  atomic { leaving = 0; result = (queue[HOME(me)] != 0); v = FIRST_VICTIM };
  do
  :: atomic { !result && v < WORKERS && deque[(me + v) % WORKERS] == 0 -> v++ }
  :: atomic { !result && v < WORKERS && deque[(me + v) % WORKERS] != 0 ->
       result = (HOME((me + v) % WORKERS) == HOME(me)) };
#if NODES > 1
     if
     :: atomic { !result && HAS_ROOM(HOME((me + v) % WORKERS)) -> leaving = 1 };
        CallSleeperOf(HOME((me + v) % WORKERS))
     :: atomic { !result && !HAS_ROOM(HOME((me + v) % WORKERS)) -> result = 1 }
     :: result
     fi;
#endif
     v++
  :: atomic { result || v >= WORKERS -> v = 0; break }
  od;
#if NODES > 1
  if
  :: !result && queue[OTHER(HOME(me))] != 0 ->
     if
     :: atomic { HAS_ROOM(OTHER(HOME(me))) -> leaving = 1 }; CallSleeperOf(OTHER(HOME(me)))
     :: atomic { !HAS_ROOM(OTHER(HOME(me))) -> result = 1 }
     fi
  :: else
  fi
#endif
}

/* Scheduler::Complete; CompletionRing::Push, Parker::Unpark */
inline Complete() {
#ifdef MUTANT_FLAG_FIRST
  yes = owner_parked;
  atomic { ring[me] = ring[me] | task; task = 0 };
  if
  :: yes -> yes = 0; SignalOwner()
  :: else
  fi
#else
  atomic { ring[me] = ring[me] | task; task = 0 };
  UnparkOwner()
#endif
}

/* Scheduler::Spawn */
inline Spawn() {
#ifdef MUTANT_COUNTED_LATE
  atomic { deque[me] = deque[me] | n; n = 0 };
  spawned[me]++;
#else
  spawned[me]++;
  atomic { deque[me] = deque[me] | n; n = 0 };
#endif
#ifndef MUTANT_SILENT_SPAWN
  ShouldWake(HOME(me));
  WakeOne(HOME(me));
#endif
#ifndef MUTANT_SPAWN_UNASKED
  AskOwner(1)
#endif
}

/* Scheduler::TellEnded */
inline TellEnded() {
#ifdef MUTANT_SILENT_END
  skip
#else
  if
  :: atomic { ended[me] != told -> told = ended[me] }; UnparkOwner()
  :: ended[me] == told
  fi
#endif
}

proctype Worker(byte me) {
  bit is_parked, is_searching, saturated;       /* Seat's own */
  byte told;
  bit yes, result, leaving, need;
#if NODES > 1
  bit last_of_all;
#endif
  byte hand, task, bits, i, n, v;

sit: /* Scheduler::Sit */
  COUNT_NODE(node_available, HOME(me), + 1);
  available++;

prepare: /* EventLoop::OnPrepare: DeliverReady, Spin */
  FindWork();
  if
  :: BeginSearch(); goto prepare
  :: goto sleep
  :: atomic { is_searching && wakeups > 0 -> wakeups-- };
     EndSearch();                   /* another client's turn: StandAside */
     PassOn();
     goto poll
  fi;

next: /* Scheduler::Next, Deque::Pop */
  atomic { task = LOWEST(deque[me]); deque[me] = deque[me] & ~task };
  if
  :: !task -> goto prepare
  :: else
  fi;
  atomic { assert(!(ran & task)); ran = ran | task };
  if
  :: atomic { asyncs > 0 -> asyncs--; saturated = 1 };
     COUNT_NODE(node_available, HOME(me), - 1);
     available--;                   /* Seat::SetSaturated, SetAvailable */
#ifndef MUTANT_SILENT_SATURATION
     PassOn();
#endif
     goto wait
  :: skip
#if SPAWNS > 0
  :: atomic { spawns < SPAWNS -> n = BIT(TASKS + spawns); spawns++ };
     Spawn()
#endif
  fi;
#ifdef LONG
  task != 1 || OTHERS_ARE_BACK;
#endif
  if
  :: !IS_SPAWNED(task) -> Complete()
  :: IS_SPAWNED(task) ->            /* Scheduler::EndSpawned */
     atomic { gone = gone | task; ended[me]++; task = 0 }
  fi;
  if
  :: goto next
  :: atomic { wakeups > 0 -> wakeups--; goto poll }     /* the slice is used */
  :: atomic { leaves > 0 -> leaves--; goto leave }
  fi;

sleep: /* EventLoop::Sleep, Scheduler::Park */
  is_parked = 1;
  COUNT_NODE(node_parked, HOME(me), + 1);
#ifdef MUTANT_BIT_FIRST
  parked = parked | BIT(me);
  parked_count++;
#else
  parked_count++;
  parked = parked | BIT(me);
#endif
  EndSearch();
#ifndef MUTANT_NO_LAST_LOOK
  VisibleWork();
  if
  :: result -> result = 0; Unpark(); BeginSearch(); goto poll
  :: else
  fi;
#if NODES > 1
  if
  :: atomic { leaving && unasked -> leaving = 0; unasked = 0 }; UnparkOwner()
  :: atomic { !(leaving && unasked) -> leaving = 0 }
  fi;
#endif
#endif
  TellEnded();

wait: /* epoll blocks; OnSignal, OnCheck, Wake */
  if
  :: atomic { event[me] -> event[me] = 0 }
  :: atomic { wakeups > 0 && !saturated -> wakeups-- }
  :: saturated                      /* its task ends */
  :: atomic { leaves > 0 && !saturated -> leaves--; goto leave }
  fi;
  Unpark();
  if
  :: saturated ->
#ifdef LONG_ASYNC
     OTHERS_ARE_BACK;
#endif
     Complete();
     COUNT_NODE(node_available, HOME(me), + 1);
     atomic { available++; saturated = 0 }
  :: else
  fi;
  goto prepare;

poll: /* epoll does not block */
  if
  :: atomic { leaves > 0 -> leaves--; goto leave }
  :: atomic { event[me] = 0; goto prepare }
  fi;

leave: /* Scheduler::Leave */
  Unpark();
  EndSearch();
  COUNT_NODE(node_available, HOME(me), - 1);
  available--;
#ifndef MUTANT_SILENT_LEAVE
  PassOn();
#endif
  owner_event = 1;
  if
  :: goto sit
  :: me > 0
  fi
}

/* Scheduler::HasCompletions, into `result` */
inline HasCompletions() {
  do
  :: atomic { result = (ring[i] != 0); i++; if :: result || i == WORKERS -> i = 0; break :: else fi }
  od
}

/* Scheduler::CountSpawned, into `unended` */
inline CountSpawned() {
#if SPAWNS > 0
  unended = 0;
#ifdef MUTANT_ADD_FIRST
  do
  :: atomic { i < WORKERS -> unended = unended + spawned[i]; i++ }
  :: atomic { i == WORKERS -> i = 0; break }
  od;
#endif
  do
  :: atomic { i < WORKERS -> unended = unended - ended[i]; i++ }
  :: atomic { i == WORKERS -> i = 0; break }
  od;
#ifndef MUTANT_ADD_FIRST
  do
  :: atomic { i < WORKERS -> unended = unended + spawned[i]; i++ }
  :: atomic { i == WORKERS -> i = 0; break }
  od;
#endif
  /* It counts none only when none is left. */
  assert(unended >= 0);
  assert(unended > 0 || reaped != SUBMITTED || gone == ALL_SPAWNED)
#else
  skip
#endif
}

proctype Owner() {
  bit yes, result, again, expired, need;
  byte bits, i, n, to;

javascript:
  if
  :: tail < TASKS ->                /* Scheduler::Submit */
submit:
#if NODES > 1
     if
     :: to = 0
     :: to = 1
     fi;
#endif
#ifdef MUTANT_COUNTERS_FIRST
     ShouldWake(to);
     atomic { queue[to] = queue[to] | BIT(tail); tail++ };
#else
     atomic { queue[to] = queue[to] | BIT(tail); tail++ };
     ShouldWake(to);
#endif
     WakeOne(to);
     to = 0;
     goto javascript
#ifdef AT_ONCE
  :: tail == TASKS
#else
  :: skip
#endif
  fi;

prepare: /* EventLoop::OnPrepare: DeliverReady, Scheduler::Reap */
  HasCompletions();
  if
  :: result ->
     do
     :: atomic { i < WORKERS ->     /* CompletionRing::Pop */
          assert(!(reaped & ring[i])); reaped = reaped | ring[i]; ring[i] = 0; i++ }
     :: atomic { i == WORKERS -> i = 0; result = 0; break }
     od;
     CountSpawned();
     goto javascript
  :: else
  fi;

  /* EventLoop::Sleep, Owner::Park */
#ifdef MUTANT_LOOK_FIRST
  HasCompletions();
  owner_parked = 1;
#else
  owner_parked = 1;
  HasCompletions();
#endif
  if
  :: atomic { result -> result = 0; goto check }
  :: else
  fi;
#ifdef TIMER
  if
  :: reaped != SUBMITTED || unended > 0 ->         /* Scheduler::WakeForBacklog */
     CountSpawned();
     unasked = 1;
     if
     :: parked_count > 0 ->
        HasWork();
        if
        :: yes ->
           again = 1;
           if
           :: !(expired && !progress) -> yes = 0   /* neither stalled nor would help pay */
#ifdef SPARING
           :: expired && !progress
#else
           :: skip
#endif
           fi
        :: else
        fi;
        WaitingQueue(0);
        WakeOne(n);
        n = 0;
        if
        :: again -> unasked = 0
        :: else
        fi
     :: parked_count == 0
     fi
  :: else
  fi;
#endif
  atomic { expired = 0; progress = 0 };

  /* epoll blocks; OnSignal */
  if
  :: atomic { owner_event -> owner_event = 0 }
  :: again -> expired = 1           /* the timer */
  :: tail < TASKS -> owner_parked = 0; again = 0; goto submit
  fi;

check: /* EventLoop::Wake */
  atomic { owner_parked = 0; again = 0; goto javascript }
}

init {
  byte w;
  atomic {
    do
    :: w < WORKERS -> run Worker(w); w++
    :: else -> break
    od;
    w = 0;
    run Owner()
  };
  /* Nobody can go on: then everything is done, and the counters say so. */
  atomic {
    timeout;
    assert(tail == TASKS && reaped == SUBMITTED && gone == ALL_SPAWNED);
#ifdef TIMER
    assert(unended == 0);
#endif
    assert(searching == 0);
#if NODES > 1
    assert(node_searching[0] == 0 && node_searching[1] == 0);
    assert(node_parked[0] + node_parked[1] == parked_count);
    assert(node_available[0] + node_available[1] == available);
#endif
    do
    :: parked -> w = w + (parked & 1); parked = parked >> 1
    :: else -> break
    od;
    assert(parked_count == w);
    assert(available == w)
  }
}
