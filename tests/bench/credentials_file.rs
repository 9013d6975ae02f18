//! What an edit of a large credentials file costs.

use criterion::{criterion_group, criterion_main};

fn edit(_criterion: &mut criterion::Criterion) {}

criterion_group!(benches, edit);
criterion_main!(benches);
