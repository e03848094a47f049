//! When nothing is deployed.

use deployment_orchestrator::domain::freeze::{FreezeKind, FreezeState, state_at};
use deployment_orchestrator::domain::time::Timestamp;

use super::{ONE, load};

/// Dana and vic, and dev and a gated prod, with one freeze that says `lines`.
fn freeze(lines: &str) -> String {
    format!(
        r#"
[people.dana]
public_key = "{ONE}"
[people.vic]
roles = ["viewer"]
[groups]
release = ["dana"]
nobody = []
[[environments]]
name = "dev"
[[environments]]
name = "prod"
[environments.approval]
approvers = ["dana"]
[[freezes]]
name = "weekend"
reason = "nobody is there to help"
{lines}
"#
    )
}

#[test]
fn a_freeze_is_what_its_lines_say() {
    let weekly = "cron = \"0 18 * * FRI\"\nduration = \"62h\"\ntime_zone = \"Europe/Berlin\"";
    let policy = load(&freeze(&format!("{weekly}\noverride = [\"group:release\"]"))).unwrap();
    let [weekend] = policy.freezes.as_slice() else { panic!("{:?}", policy.freezes) };
    assert_eq!((weekend.name.as_str(), weekend.kind), ("weekend", FreezeKind::Freeze));
    assert_eq!(weekend.reason, "nobody is there to help");
    assert_eq!(weekend.environments, ["prod".parse().unwrap()].into(), "what has a gate");
    assert_eq!(weekend.overridable_by, ["dana".parse().unwrap()].into());
    // All of these are on from 18:00 in Berlin on 18 December, and dev is covered where it is named.
    let starts = [
        weekly.to_owned(),
        "rrule = \"FREQ=WEEKLY\"\nstarts = \"2026-01-02T18:00[Europe/Berlin]\"\nduration = \"62h\"".to_owned(),
        "rrule = \"FREQ=WEEKLY\"\nstarts = 2026-01-02T18:00:00\nduration = \"62h\"\ntime_zone = \"Europe/Berlin\""
            .to_owned(),
        "from = \"2026-12-18T18:00\"\nto = 2026-12-19\ntime_zone = \"Europe/Berlin\"".to_owned(),
        "from = 2026-12-18T18:00:00+01:00\nto = \"2026-12-19T00:00[UTC]\"".to_owned(),
    ];
    let on = "2026-12-18T17:00:00Z".parse::<jiff::Timestamp>().unwrap().as_millisecond();
    for lines in starts {
        let policy = load(&freeze(&format!("{lines}\nenvironments = [\"dev\"]"))).unwrap();
        for (name, at, expected) in [("dev", on, true), ("dev", on - 1, false), ("prod", on, false)] {
            let state = state_at(&policy.freezes, &name.parse().unwrap(), Timestamp(at));
            assert_eq!(matches!(state, FreezeState::Frozen { .. }), expected, "{lines}: {name} at {at}");
        }
    }
}

#[test]
fn a_freeze_that_cannot_be_meant_is_refused() {
    let cron = |pattern: &str, lasts: &str| {
        format!("cron = \"{pattern}\"\nduration = \"{lasts}\"\ntime_zone = \"Europe/Berlin\"")
    };
    let rule = |rule: &str| {
        format!(
            "rrule = \"{rule}\"\nstarts = 2026-01-02T18:00:00\nduration = \"8h\"\ntime_zone = \"Europe/Berlin\""
        )
    };
    let good = cron("0 18 * * FRI", "62h");
    let between = |from: &str, to: &str| format!("from = {from}\nto = {to}\ntime_zone = \"Europe/Berlin\"");
    let table = [
        "".to_owned(),
        "rrule = \"FREQ=DAILY\"\nduration = \"1h\"\ntime_zone = \"UTC\"".to_owned(),
        format!("{good}\nfrom = 2026-12-18"),
        "cron = \"0 18 * * FRI\"\nduration = \"62h\"".to_owned(),
        "cron = \"0 18 * * FRI\"\ntime_zone = \"UTC\"".to_owned(),
        "cron = \"0 18 * * FRI\"\nduration = \"62h\"\ntime_zone = \"Berlin\"".to_owned(),
        "rrule = \"FREQ=DAILY\"\nstarts = 2026-01-02T18:00:00\nduration = \"8h\"".to_owned(),
        "rrule = \"FREQ=DAILY\"\nstarts = 2026-01-02T18:00:00+01:00\nduration = \"8h\"\ntime_zone = \"UTC\""
            .to_owned(),
        "rrule = \"FREQ=DAILY\"\nstarts = \"2026-01-02T18:00[UTC]\"\nduration = \"8h\"\ntime_zone = \"UTC\""
            .to_owned(),
        cron("0 18 * * FRI", "soon"),
        cron("0 18 * * FRI", "0h"),
        cron("0 18 * * FRI", "169h"),
        cron("0 18 * * MON,TUE", "25h"),
        cron("0 18 30 2 *", "8h"),
        cron("0 18 * * FRY", "8h"),
        cron("0 0 18 * * FRI", "8h"),
        rule("FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30"),
        rule("FREQ=YEARLY;UNTIL=20251231T230000Z"),
        rule("FREQ=YEARLY;UNTIL=20261231T230000"),
        rule("FREQ=YEARLY;UNTIL=20261231T230000Z;COUNT=3"),
        rule("FREQ=YEARLY;COUNT=0"),
        rule("FREQ=DAILY;INTERVAL=0"),
        rule("FREQ=HOURLY"),
        rule("FREQ=WEEKLY;BYDAY=1MO"),
        rule("FREQ=MONTHLY;BYDAI=MO"),
        rule("FREQ=MONTHLY;BYMONTHDAY=32"),
        rule("FREQ=DAILY;BYHOUR=0,1,2,3,4,5,6,7,8,9;BYMINUTE=0,10,20,30,40,50"),
        rule("every friday"),
        between("2026-12-18T18:00:00", "2026-12-18T18:00:00"),
        between("\"next friday\"", "2026-12-18"),
        between("2026-03-29T02:30:00", "2026-12-18"),
        between("2026-03-29", "2026-10-25T02:30:00"),
        between("\"2026-03-29[Berlin]\"", "2026-10-25"),
        between("\"2026-03-29T00:00+01:00[Europe/Berlin]\"", "2026-10-25"),
        "from = 2026-12-18\nto = 2026-12-19".to_owned(),
        "from = 2026-12-18\nto = 2026-12-19\nduration = \"1h\"\ntime_zone = \"UTC\"".to_owned(),
        "from = 6\nto = 2026-12-19".to_owned(),
        format!("{good}\nenvironments = [\"production\"]"),
        format!("{good}\nenvironments = []"),
        format!("{good}\noverride = [\"gina\"]"),
        format!("{good}\noverride = [\"group:x\"]"),
        format!("{good}\noverride = [\"group:nobody\"]"),
        format!("{good}\noverride = [\"vic\"]"),
        format!("{good}\nkind = \"frozen\""),
        format!("{good}\nwhen = \"always\""),
        format!("{good}\n[[freezes]]\nname = \"weekend\"\nreason = \"again\"\n{good}"),
        format!("{good}\n[[freezes]]\nname = \"week end\"\nreason = \"again\"\n{good}"),
        format!("{good}\n[[freezes]]\nname = \"other\"\nreason = \" \"\n{good}"),
        format!("{good}\n[[freezes]]\nname = \"other\"\n{good}"),
    ];
    let mut sentences = Vec::new();
    for lines in table {
        let said = load(&freeze(&lines)).err().unwrap_or_else(|| "nothing".to_owned());
        let (_, said) = said.split_once(" is wrong: ").unwrap_or(("", &said));
        sentences.push(format!("{lines}\n  => {said}"));
    }
    insta::assert_snapshot!("freezes", sentences.join("\n\n"));
}

#[test]
fn a_freeze_of_what_has_no_gate_must_name_it() {
    let text = "[[environments]]\nname = \"dev\"\n[[freezes]]\nname = \"it\"\nreason = \"so\"\n\
                from = 2026-12-18T00:00:00Z\nto = 2026-12-19T00:00:00Z";
    let said = load(text).unwrap_err();
    assert!(said.contains("covers no environment; name some"), "{said}");
    let many: String = (0..101)
        .map(|number| {
            format!(
                "[[freezes]]\nname = \"{number}\"\nreason = \"so\"\nfrom = 2026-12-18T00:00:00Z\nto = 2026-12-19T00:00:00Z\n"
            )
        })
        .collect();
    let said = load(&many).unwrap_err();
    assert!(said.contains("there are 101 freezes"), "{said}");
}
