//! How fast binleaf copies and catches up, beside the bare driver writing the same into the same target in the same run;
//! what it costs by itself; how long a commit takes to be seen.
//!
//! `dev/bench` starts the servers and runs it; `docs/benchmarks` tells the method. An absolute figure says little: the
//! target, the machine and its neighbours decide. The ratio is what counts: binleaf's median with its defaults to the best
//! median of the bare driver in several shapes, measured in turn. The driver has its commands ready in memory; binleaf's
//! time begins with its process and ends when the last row is durable and its position is saved.
#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::disallowed_methods,
    unreachable_pub,
    reason = "a measurement that cannot go on panics and says why"
)]

mod acknowledging;
mod bare;
mod figures;
mod huge;
mod jobs;
mod latency;
mod lines;
mod machine;
mod many;
mod nothing;
mod output;
mod plan;
mod plot;
mod process;
mod relay;
mod report;
mod soak;
#[path = "../../tests/support/mod.rs"]
#[expect(dead_code, unused_imports, reason = "the tests use the rest")]
mod support;
mod table;
mod tap;
mod watched;

use std::process::ExitCode;

use self::{
    figures::{told, told_spread},
    machine::Machine,
    plan::{Plan, Width},
    report::Results,
};

fn main() -> ExitCode {
    let plan = match Plan::of(std::env::args().skip(1)) {
        Ok(plan) => plan,
        Err(wrong) => {
            eprintln!("{wrong}");
            return ExitCode::from(2);
        }
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let results = runtime.expect("a runtime").block_on(measure(&plan));
    output::write(&results, plan.publish);
    ExitCode::SUCCESS
}

async fn measure(plan: &Plan) -> Results {
    let machine = Machine::of(&table::new(Width::Narrow).await).await;
    let mut jobs = Vec::new();
    for job in &plan.jobs {
        let measured = jobs::measure(*job, job.size(plan.short)).await;
        let (ours, (shape, bare)) = (told_spread(&measured.ours()), measured.best());
        println!(
            "{:<16} binleaf {ours}, bare driver {} × {} {}, ratio {}",
            job.name(),
            shape.connections,
            shape.batch,
            told_spread(&bare),
            told(measured.ratio())
        );
        jobs.push(measured);
    }
    let mut results = Results::new(machine, plan.short, jobs);
    if plan.nothing {
        results.into_nothing = Some(nothing::measure(plan.short).await);
    }
    if plan.latency {
        results.latency = Some(latency::measure(plan.short).await);
    }
    if plan.watched {
        results.watched = Some(watched::measure(plan.short).await);
    }
    if plan.many {
        results.many = Some(many::measure(plan.short).await);
    }
    if plan.huge {
        results.huge = Some(huge::measure(plan.short).await);
    }
    if plan.soak {
        results.soak = Some(soak::measure(plan.short).await);
    }
    results
}
