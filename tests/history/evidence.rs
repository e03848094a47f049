//! What is taken out of the history, to be verified elsewhere.

use deployment_orchestrator::domain::evidence::{Bundle, Evidence};
use deployment_orchestrator::domain::signature::PrivateKey;

use super::histories::eventful;
use super::place::at;
use super::support::id;

#[test]
fn evidence_leads_from_the_first_record_to_the_head() {
    let (_place, store) = eventful();
    let head = store.verify_chain().unwrap();
    for number in 1..=4 {
        let chain = store.evidence(&id(number)).unwrap();
        assert_eq!(chain.head, head);
        let places = chain.places().unwrap();
        assert_eq!((places[0], places[places.len() - 1]), (chain.before, head));
        let own: Vec<u64> = chain.own().map(|record| record.position).collect();
        let evidence = Evidence::of(id(number), chain, at(200)).unwrap();
        let bundle = Bundle::sign(evidence, &PrivateKey::from_seed(&[1; 32]));
        let verified = Bundle::read(bundle.to_text().as_bytes()).unwrap().verify().unwrap();
        assert_eq!(
            (verified.records, verified.old_digests > 0),
            (own.len(), [1, 3].contains(&number)),
            "{number}"
        );
        let history = store.history(&id(number), 0, 100).unwrap();
        assert_eq!(own, history.into_iter().map(|it| it.position).collect::<Vec<_>>());
    }
}
