//! Of any history, the trail has every attempt and every step, and each step had
//! nothing in its way.

use std::collections::BTreeMap;

use deployment_orchestrator::domain::metrics::tell::tell;
use deployment_orchestrator::domain::trail::{How, follow};
use proptest::prelude::*;
use proptest::sample::Index;

use super::tale::Tale;

proptest! {
    #[test]
    fn it_is_what_the_history_says(steps in prop::collection::vec((any::<Index>(), any::<u8>()), 1..90)) {
        let tale = Tale::along(&steps);
        let trail = follow(&tale.records).unwrap();
        let story = tell(&tale.records).unwrap();

        let mut attempts: BTreeMap<String, u32> = BTreeMap::new();
        for attempt in &trail.attempts {
            *attempts.entry(attempt.stage.to_string()).or_default() += 1;
        }
        let told = story.stages.iter().filter(|(_, times)| times.attempts > 0);
        prop_assert_eq!(attempts, told.map(|(stage, times)| (stage.clone(), times.attempts)).collect());
        // One that was to be made again and never was is no attempt.
        let again = trail.attempts.iter().filter(|it| it.again.is_some()).count();
        prop_assert!(again <= story.retries.len());
        let executions = trail.attempts.iter().filter(|it| it.execution.is_some()).count();
        let accepted = tale.records.iter().filter(|it| it.what.name().0 == "TRIGGER_ACCEPTED").count();
        prop_assert_eq!(executions, accepted);
        for attempt in trail.attempts.split_last().map_or(&[][..], |(_, earlier)| earlier) {
            prop_assert!(attempt.end.is_some(), "a later one began before this had ended: {attempt:?}");
        }
        for pair in trail.attempts.windows(2).filter(|pair| pair[1].number > pair[0].number) {
            let how = pair[0].end.as_ref().map(|end| &end.how);
            prop_assert!(matches!(how, Some(How::Failed(_))), "{pair:?}");
        }

        let mut state = "pending".to_owned();
        for step in &trail.steps {
            prop_assert_eq!(&step.from, &state);
            prop_assert!(step.guards.iter().all(|guard| guard.holds), "{step:?}");
            state.clone_from(&step.to);
        }
        prop_assert_eq!(state, tale.deployment.progress.state.name());
    }
}
