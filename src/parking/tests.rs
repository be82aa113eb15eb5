//! Tasks without connections: a made-up task is woken, stepped, parked and ended by the reactor and the timer of this
//! process. `cargo test` links the library that stands in for httpd (`c-shim/testing`), which has an MPM of four
//! threads.

use std::io::{Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::process::Command;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use super::mpm_calls::{LONG, MpmLine};
use super::task::{NextTask, Run, Task, Wakeup};
use super::{shutdown, timer};

/// The longest time that a test waits for what must happen, and it is long: the machine may be busy.
const MOST_WAIT: Duration = Duration::from_secs(20);
/// How long a test looks on to see that nothing happens.
const QUIET: Duration = Duration::from_millis(50);
/// The environment variable that tells a process of this test program that it may shut its tasks down.
const MAY_STOP: &str = "MOD_PYTHON_TEST_MAY_STOP";

/// What happened to a task.
enum Event {
    /// A reactor thread has stepped it.
    Step(&'static str, Wakeup, Instant),
    /// Its connection went.
    Gone(&'static str),
}

/// A task that reports what happens to it.
struct Reporter {
    name: &'static str,
    events: Sender<Event>,
    /// What a step does before it is reported.
    work: fn(),
}

impl Run for Reporter {
    fn step(task: &Arc<Task>, _: &mut NextTask<'_>) {
        let Some((mut turn, wakeup)) = task.next_turn() else {
            return;
        };
        if let Some(reporter) = turn.run::<Self>() {
            (reporter.work)();
            reporter.report(Event::Step(reporter.name, wakeup, Instant::now()));
        }
    }

    fn gone(&mut self, _: &Arc<Task>) {
        self.report(Event::Gone(self.name));
    }
}

impl Reporter {
    fn report(&self, event: Event) {
        // A test that has ended does not listen.
        let _ = self.events.send(event);
    }
}

/// The tasks of one test, and what happens to them.
struct Tasks {
    events: Receiver<Event>,
    sender: Sender<Event>,
}

impl Tasks {
    fn new() -> Self {
        let (sender, events) = channel();
        Self { events, sender }
    }

    /// A parked task whose steps do `work` first.
    fn working(&self, name: &'static str, work: fn()) -> Arc<Task> {
        let task = Task::new::<Reporter>(true).expect("the timer's thread starts");
        let mut turn = task.turn();
        turn.begin(Reporter {
            name,
            events: self.sender.clone(),
            work,
        });
        task.park();
        drop(turn);
        task
    }

    /// A parked task.
    fn parked(&self, name: &'static str) -> Arc<Task> {
        self.working(name, || {})
    }

    /// The next step of any of the tasks: whose it is, its causes and its time.
    fn step(&self) -> (&'static str, Wakeup, Instant) {
        match self.events.recv_timeout(MOST_WAIT) {
            Ok(Event::Step(name, wakeup, time)) => (name, wakeup, time),
            Ok(Event::Gone(name)) => panic!("{name} is gone"),
            Err(error) => panic!("no task was stepped: {error}"),
        }
    }

    fn assert_no_step(&self) {
        if let Ok(Event::Step(name, ..)) = self.events.recv_timeout(QUIET) {
            panic!("{name} was stepped");
        }
    }
}

fn after(milliseconds: u64) -> Instant {
    Instant::now() + Duration::from_millis(milliseconds)
}

#[test]
fn a_parked_task_is_stepped_when_it_is_woken() {
    let tasks = Tasks::new();
    let task = tasks.parked("task");
    tasks.assert_no_step();
    task.wake();
    let (_, wakeup, _) = tasks.step();
    assert!(wakeup.other && !wakeup.socket);
    tasks.assert_no_step();
}

#[test]
fn wakeups_during_a_turn_cause_one_step_after_it() {
    let tasks = Tasks::new();
    let task = tasks.parked("task");
    let turn = task.turn();
    for _ in 0..3 {
        task.wake();
    }
    tasks.assert_no_step();
    drop(turn);
    tasks.step();
    tasks.assert_no_step();
}

#[test]
fn a_task_with_a_thread_of_its_own_is_stepped_only_after_it_is_parked_again() {
    let tasks = Tasks::new();
    let task = tasks.parked("task");
    task.wake();
    tasks.step();
    assert!(!task.unpark().other, "the step has taken this cause");
    task.wake();
    tasks.assert_no_step();
    assert!(task.unpark().other, "no step has taken this cause");
    task.wake();
    let turn = task.turn();
    task.park();
    drop(turn);
    assert!(tasks.step().1.other);
}

#[test]
fn tasks_are_stepped_in_the_order_of_their_deadlines_and_none_before_its_time() {
    let tasks = Tasks::new();
    let [late, early, middle] = ["late", "early", "middle"].map(|name| tasks.parked(name));
    let begin = Instant::now();
    let at = |milliseconds| begin + Duration::from_millis(milliseconds);
    late.set_due(Some(at(300)));
    early.set_due(Some(at(100)));
    middle.set_due(Some(at(200)));
    for (expected, due) in [("early", at(100)), ("middle", at(200)), ("late", at(300))] {
        let (name, wakeup, time) = tasks.step();
        assert_eq!(name, expected);
        assert!(wakeup.other && time >= due);
    }
}

#[test]
fn a_deadline_can_be_moved_and_withdrawn() {
    let tasks = Tasks::new();
    let (moved, withdrawn) = (tasks.parked("moved"), tasks.parked("withdrawn"));
    withdrawn.set_due(Some(after(200)));
    withdrawn.set_due(None);
    moved.set_due(Some(after(200)));
    let due = after(500);
    moved.set_due(Some(due));
    let (name, _, time) = tasks.step();
    assert_eq!(name, "moved");
    assert!(time >= due && moved.is_late() && !withdrawn.is_late());
    moved.set_due(Some(after(3_600_000)));
    moved.set_due(Some(after(20)));
    assert_eq!(tasks.step().0, "moved", "an earlier time counts at once");
    tasks.assert_no_step();
}

#[test]
fn a_task_is_stepped_for_its_socket_until_that_is_forgotten() {
    let tasks = Tasks::new();
    let task = tasks.parked("task");
    let (ours, mut peers) = UnixStream::pair().unwrap();
    ours.set_nonblocking(true).unwrap();
    let reactor = timer::reactor().expect("a task was made, and the reactor with it");
    reactor.watch(ours.as_raw_fd(), task.number);
    peers.write_all(b"a").unwrap();
    let (_, wakeup, _) = tasks.step();
    assert!(wakeup.socket && !wakeup.other && !wakeup.ready.ends && !wakeup.ready.writable);
    assert_eq!((&ours).read(&mut [0; 8]).unwrap(), 1);
    reactor.watch_output(ours.as_raw_fd(), task.number);
    assert!(tasks.step().1.ready.writable);
    reactor.forget(ours.as_raw_fd());
    peers.write_all(b"b").unwrap();
    tasks.assert_no_step();
    reactor.watch(ours.as_raw_fd(), task.number);
    drop(peers);
    // What came before the end may be reported by itself.
    while !tasks.step().1.ready.ends {}
    reactor.forget(ours.as_raw_fd());
}

#[test]
fn a_long_step_keeps_no_other_task_waiting() {
    let tasks = Tasks::new();
    let long = tasks.working("long", || thread::sleep(Duration::from_secs(2)));
    let short = tasks.parked("short");
    long.wake();
    // The reactor thread is in the long step by then.
    thread::sleep(QUIET);
    short.wake();
    assert_eq!(tasks.step().0, "short");
    assert_eq!(tasks.step().0, "long");
}

#[test]
fn a_panic_in_a_step_ends_no_reactor_thread() {
    let tasks = Tasks::new();
    let broken = tasks.working("broken", || panic!("this panic is part of a test"));
    broken.wake();
    let task = tasks.parked("task");
    for _ in 0..3 {
        task.wake();
        assert_eq!(tasks.step().0, "task");
    }
}

#[test]
fn a_task_that_keeps_its_thread_waits_there() {
    let task = Task::new::<Reporter>(false).expect("the timer's thread starts");
    let begin = Instant::now();
    task.wait(None, Some(after(30)));
    assert!(begin.elapsed() >= Duration::from_millis(30));
    let other = task.clone();
    let waker = thread::spawn(move || other.wake());
    // Without the wakeup, this would wait for `POLL_INTERVAL` each time.
    let begin = Instant::now();
    task.wait(None, None);
    waker.join().unwrap();
    assert!(begin.elapsed() < timer::POLL_INTERVAL);
}

#[test]
fn the_end_of_a_connection_ends_its_task() {
    let tasks = Tasks::new();
    let task = tasks.parked("task");
    task.set_due(Some(after(20)));
    task.leave();
    assert!(matches!(
        tasks.events.recv_timeout(MOST_WAIT),
        Ok(Event::Gone("task"))
    ));
    assert!(task.turn().run::<Reporter>().is_none());
    task.wake();
    tasks.assert_no_step();
}

#[test]
fn a_shutdown_wakes_all_tasks_when_the_time_of_handlers_is_over() {
    // A shutdown is for good, so a process of its own has it.
    let this = std::env::current_exe().unwrap();
    let test = "parking::tests::shut_down_this_process";
    let output = Command::new(this)
        .args(["--exact", test, "--ignored", "--nocapture"])
        .env(MAY_STOP, "1")
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(
        text.contains("1 passed") && output.status.success(),
        "{text}{errors}"
    );
}

#[test]
fn the_mpm_is_called_for_a_few_tasks_at_a_time_and_long_calls_do_not_count() {
    let tasks = Tasks::new();
    let all @ [first, second, third, fourth] = &["1", "2", "3", "4"].map(|name| tasks.parked(name));
    let numbers = |tasks: Vec<Arc<Task>>| tasks.iter().map(|task| task.number).collect::<Vec<_>>();
    let (mut line, now) = (MpmLine::default(), Instant::now());
    assert_eq!(
        all.each_ref().map(|task| line.ask(task, now)),
        [true, true, false, false]
    );
    assert!(!line.ask(third, now), "it stands in the line once");
    assert_eq!(numbers(line.end(first.number, now)), [third.number]);
    assert!(line.ask(third, now) && !line.ask(first, now));
    let later = now + LONG / 2;
    assert_eq!(numbers(line.end(second.number, later)), [fourth.number]);
    assert!(line.look(later).is_empty());
    assert_eq!(numbers(line.look(now + LONG)), [first.number]);
    assert!(
        line.end(third.number, later).is_empty(),
        "its place is taken already"
    );
    assert!(line.end(fourth.number, later).is_empty() && line.ask(second, later));
}

#[test]
#[ignore = "it stops all tasks of its process: `a_shutdown_wakes_all_tasks...` runs it in one of its own"]
fn shut_down_this_process() {
    if std::env::var_os(MAY_STOP).is_none() {
        return;
    }
    let tasks = Tasks::new();
    let (with_due, without) = (tasks.parked("with_due"), tasks.parked("without"));
    with_due.set_due(Some(after(3_600_000)));
    assert!(!shutdown::is_closing() && !shutdown::is_over());
    let over = after(500);
    timer::close(Duration::from_millis(500));
    assert!(shutdown::is_closing());
    tasks.assert_no_step();
    let mut woken = [0, 1].map(|_| tasks.step());
    woken.sort_by_key(|(name, ..)| *name);
    assert_eq!(woken.map(|(name, ..)| name), ["with_due", "without"]);
    assert!(woken.iter().all(|(_, _, time)| *time >= over) && shutdown::is_over());
    // A deadline that is set from now on is over at once.
    with_due.set_due(Some(after(3_600_000)));
    timer::wake_all();
    tasks.step();
    tasks.step();
    without.leave();
    assert!(matches!(
        tasks.events.recv_timeout(MOST_WAIT),
        Ok(Event::Gone("without"))
    ));
    let mut left = Vec::new();
    timer::stop(|_: &mut Reporter, task| left.push(task.number));
    assert_eq!(left, [with_due.number]);
}
