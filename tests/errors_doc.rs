//! `docs/errors.md` has a paragraph for every code, and for no other.

use deployment_orchestrator::app::Code;

#[test]
fn every_code_is_documented_and_no_other() {
    let page = include_str!("../docs/errors.md");
    let documented: Vec<&str> = page.lines().filter_map(|line| line.strip_prefix("### ")).collect();
    let codes: Vec<&str> = Code::ALL.iter().map(|code| code.as_str()).collect();
    assert_eq!(documented, codes, "the headings of docs/errors.md, in the order of Code::ALL");
    for code in &codes {
        let section = page.split(&format!("### {code}\n")).nth(1).unwrap().split("\n### ").next().unwrap();
        assert!(section.contains("**Agent:**"), "{code}: what does an agent do?");
        assert!(section.contains("**Operator:**"), "{code}: what does an operator do?");
    }
}
