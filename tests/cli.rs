//! The command line as a whole: help, mistakes, streams.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::process::Stdio;

use crate::support::env::TestEnv;

#[test]
fn help_names_every_command_by_its_task() {
    insta::assert_snapshot!(TestEnv::new().run(["--help"]), @r"
    Record, replay and diff agent runs

    Usage: retake [OPTIONS] <COMMAND>

    Start:
      demo      Run a small built-in agent to try retake on

    Record:
      record    Run a command and record its model calls and tools
      import    Read runs from retake files

    Look:
      ls        List runs, replays under the run they came from
      show      Show a run as a graph, or one node in full
      step      Step through a run, change it, and see what the change does
      diff      Compare two runs node by node

    Replay:
      replay    Run it again, with changes
      grade     Say how replayable a recording is
      flake     Find out what differs from run to run

    Test:
      snapshot  Keep a run as a snapshot that `retake test` checks
      test      Replay workflows and compare them with their snapshots
      review    Review what tests found different

    Keep:
      tag       Name a run
      export    Write a run to a file
      rm        Delete runs
      store     Verify and rebuild the store
      trust     Agree to the upstreams of this project

          --store <DIR>   Store to use [default: the nearest .retake, else the user's]
          --color <WHEN>  When to use color [default: auto] [possible values: auto, always, never]
          --json          Print JSON, one object per line
      -q, --quiet         Print nothing but results and errors
      -h, --help          Print help
      -V, --version       Print version

    Run `retake help <COMMAND>` for a command, `retake help <TOPIC>` for a topic: runs, nodes, matching,
    workflows, exit-codes, environment, privacy
    ");
}

#[test]
fn help_of_a_command_explains() {
    let env = TestEnv::new();
    insta::assert_snapshot!(env.run(["record", "--help"]), @"
    Run a command and record its model calls and tools

    The command runs unchanged: its output, input and exit code pass through. Model calls are recorded
    by a proxy on 127.0.0.1 whose address is put in the environment variables that the common SDKs read.
    A failure to record never stops the command.

    Usage: retake record [OPTIONS] <COMMAND>...

    Arguments:
      <COMMAND>...
              The command to run

    Options:
      -t, --tag <NAME>
              Name the run

          --upstream <PROVIDER=URL>
              Send a provider's calls to this URL (can be repeated)

          --redact <NAME>
              Do not record the values of these headers, query parameters or JSON fields (can be
              repeated)

      -h, --help
              Print help (see a summary with '-h')

    Global options:
          --store <DIR>
              Store to use [default: the nearest .retake, else the user's]

          --color <WHEN>
              When to use color
              
              [default: auto]
              [possible values: auto, always, never]

          --json
              Print JSON, one object per line

      -q, --quiet
              Print nothing but results and errors
    ");
    insta::assert_snapshot!(env.run(["replay", "-h"]), @"
    Run it again, with changes

    Usage: retake replay [OPTIONS] [RUN] [-- <COMMAND>...]

    Arguments:
      [RUN]         The run [default: the latest that was recorded]
      [COMMAND]...  Command to run instead of the recorded one

    Options:
          --from <NODE>     Send this node and those that depend on it, even if nothing changed
          --live <WHEN>     When to send a call that the recording cannot answer [default: auto]
                            [possible values: auto, always, never]
          --max-calls <N>   Send at most this many calls [default: twice the recorded ones]
          --ignore <PATH>   Do not compare this field of a request (can be repeated)
          --run <TOOL>      Let the model see what this tool returns now, not what was recorded (can be
                            repeated)
          --pace            Keep the pauses of the recording
          --keep-telemetry  Leave the telemetry that SDKs upload switched on
      -y, --yes             Agree that tools with effects run again in the agent's process
          --force           Let `--set` send fields and values that the provider does not document
      -h, --help            Print help (see more with '--help')

    Changes:
      -s, --set <NODE.PATH=VALUE>      Change a value of a node (can be repeated)
          --set-file <NODE.PATH=FILE>  Change a value of a node to the contents of a file (can be
                                       repeated)
      -e, --edit <NODE>                Edit a node in $EDITOR (can be repeated)
      -m, --model <MODEL>              Use this model for every call that is sent
          --once                       Change this call only, not the rest of its conversation
          --everywhere                 Change every request that carries the replaced part

    Global options:
          --store <DIR>   Store to use [default: the nearest .retake, else the user's]
          --color <WHEN>  When to use color [default: auto] [possible values: auto, always, never]
          --json          Print JSON, one object per line
      -q, --quiet         Print nothing but results and errors
    ");
    assert_eq!(env.run(["help", "replay"]), env.run(["replay", "--help"]));
    assert_eq!(env.run(["help", "store", "verify"]), env.run(["store", "verify", "--help"]));
}

#[test]
fn topics_explain_what_no_command_does() {
    let env = TestEnv::new();
    for topic in ["runs", "nodes", "matching", "workflows", "exit-codes", "environment", "privacy"] {
        let text = env.run(["help", topic]);
        assert!(text.lines().count() > 5 && !text.contains("---"), "{text}");
        assert!(text.lines().all(|line| line.len() <= 95), "{text}");
    }
    insta::assert_snapshot!(env.run(["help", "exit-codes"]), @"
    Exit codes

      0     done
      1     a check said no: `diff --exit-code` found a difference, `store verify` found damage,
            a replay met a call that it may not send, or its budget ended it; `flake` met such a
            call in any of its runs; `test` found that a workflow differs
      2     what was typed is wrong, or anything else failed

    `retake record` returns the agent's own code. So does `retake replay`, but for the 1 above.
    Both return 125 if retake itself failed, 126 if the command cannot be run, and 127 if there is
    no such command. An agent that a signal ended counts as 128 and the signal.
    ");
    insta::assert_snapshot!(env.run(["help", "nothing"]), @"
    --- stderr
    error: there is no command or topic `nothing`

    hint: list them with `retake help`
    --- exit 2
    ");
}

#[test]
fn mistakes_are_answered() {
    let env = TestEnv::new();
    insta::assert_snapshot!(env.run(["repaly"]), @"
    --- stderr
    error: unrecognized subcommand 'repaly'

      tip: a similar subcommand exists: 'replay'

    Usage: retake [OPTIONS] <COMMAND>

    For more information, try '--help'.
    --- exit 2
    ");
    insta::assert_snapshot!(env.run(["show", "zz"]), @"
    --- stderr
    error: no runs yet

    hint: record one with `retake record python agent.py`, or try `retake demo`
    --- exit 2
    ");
    insta::assert_snapshot!(env.run(["record"]), @"
    --- stderr
    error: the following required arguments were not provided:
      <COMMAND>...

    Usage: retake record <COMMAND>...

    For more information, try '--help'.
    --- exit 2
    ");
}

#[test]
fn an_empty_store_says_so() {
    let env = TestEnv::new();
    insta::assert_snapshot!(env.run(["ls"]), @"
    --- stderr
    no runs yet
    hint: record one with `retake record python agent.py`, or try `retake demo`
    ");
    insta::assert_snapshot!(env.run(["ls", "--json"]), @"");
    insta::assert_snapshot!(env.run(["ls", "-q"]), @"");
    insta::assert_snapshot!(env.run(["diff"]), @"
    --- stderr
    error: no runs yet

    hint: record one with `retake record python agent.py`, or try `retake demo`
    --- exit 2
    ");
    insta::assert_snapshot!(env.run(["replay"]), @"
    --- stderr
    error: no runs yet

    hint: record one with `retake record python agent.py`, or try `retake demo`
    --- exit 2
    ");
}

#[test]
fn words_that_are_no_text_are_no_panic() {
    let env = TestEnv::new();
    for command in ["show", "tag", "ls", "nonsense"] {
        let word = OsString::from_vec(vec![b'a', 0xff]);
        let text = env.run([OsString::from(command), word]);
        assert!(text.contains("--- exit 2") && !text.contains("bug"), "{text}");
    }
}

#[test]
fn a_reader_that_leaves_is_no_error() {
    let env = TestEnv::new();
    let mut running = env
        .command()
        .args(["help", "matching"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program was built");
    drop(running.stdout.take());
    let ran = running.wait_with_output().expect("it ends");
    assert_eq!((ran.status.code(), &*String::from_utf8_lossy(&ran.stderr)), (Some(0), ""));
}
