//! What holds of the trace of any history.

use std::collections::BTreeSet;

use deployment_orchestrator::domain::trace::span::{Part, Span};
use deployment_orchestrator::domain::trace::tell::tell;
use proptest::prelude::*;
use proptest::sample::Index;

use super::tale::Tale;

fn spans(tale: &Tale, records: usize) -> Vec<Span> {
    tell(&tale.records[..records]).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn what_has_ended_is_told_the_same_however_often_and_however_late(
        steps in prop::collection::vec(any::<(Index, u8)>(), 1..120),
    ) {
        let tale = Tale::along(&steps);
        let all = spans(&tale, tale.records.len());
        for records in 1..tale.records.len() {
            let by_then = spans(&tale, records);
            prop_assert_eq!(&by_then[..], &all[..by_then.len()]);
            prop_assert!(by_then.iter().all(|span| span.ended_by <= records as u64));
            prop_assert!(all[by_then.len()..].iter().all(|span| span.ended_by > records as u64));
        }
    }

    #[test]
    fn every_record_is_in_one_span_and_every_span_in_one_trace(
        steps in prop::collection::vec(any::<(Index, u8)>(), 1..120),
    ) {
        let tale = Tale::along(&steps);
        let all = spans(&tale, tale.records.len());
        let ids: BTreeSet<_> = all.iter().map(|span| span.id).collect();
        prop_assert_eq!(ids.len(), all.len());
        let told = |span: &Span| match span.part {
            Part::Remark => 1,
            _ => span.moments.len() + span.left_out as usize,
        };
        let told = all.iter().map(told).sum::<usize>();
        let is_over = tale.deployment.progress.state.is_terminal();
        prop_assert!(told <= tale.records.len());
        prop_assert_eq!(told == tale.records.len(), is_over);
        for span in &all {
            prop_assert_eq!(span.trace, all[0].trace);
            prop_assert!(span.began_at <= span.ended_at);
            prop_assert_eq!(span.parent.is_none(), span.part == Part::Deployment);
            // What it is a part of may be under way.
            let Some(parent) = all.iter().find(|it| Some(it.id) == span.parent) else {
                prop_assert!(!is_over || span.parent.is_none());
                continue;
            };
            prop_assert!(parent.began_at <= span.began_at);
            // What comes after the first end hangs below the root, and nothing else outlives what it is a part of.
            prop_assert!(parent.part == Part::Deployment || span.ended_by <= parent.ended_by);
        }
    }
}
