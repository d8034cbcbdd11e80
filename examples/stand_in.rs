//! Serves the demo's stand-in for a model until standard input ends, and prints its base URL.
//!
//! `cargo run --example stand_in`, then `OPENAI_BASE_URL=… your-agent` in another terminal: an agent
//! can be tried, recorded and replayed without a key.

use std::io::{Read, Write, sink};

fn main() -> std::io::Result<()> {
    let (address, _handle) = retake::demo::stand_in::serve()?;
    writeln!(std::io::stdout(), "http://{address}/v1")?;
    std::io::copy(&mut std::io::stdin().lock().by_ref(), &mut sink())?;
    Ok(())
}
