//! The agent page, `agent/deployment-orchestrator.md`: an agent file for Claude
//! Code as it is, a prompt and a resource of this server, and in short the
//! server's `instructions`.

/// The page as it is.
pub(super) const PAGE: &str = include_str!("../../agent/deployment-orchestrator.md");

/// What stands around the part that is short enough for `instructions`.
const MARKS: (&str, &str) = ("<!-- instructions -->", "<!-- /instructions -->");

/// What a client tells its model about the whole server. Some clients cut it
/// after 2 KB.
pub(super) fn instructions() -> &'static str {
    PAGE.split_once(MARKS.0)
        .and_then(|(_, rest)| rest.split_once(MARKS.1))
        .map_or(PAGE, |(short, _)| short)
        .trim()
}

/// The page without its front matter, which only an agent file needs.
pub(super) fn body() -> &'static str {
    PAGE.strip_prefix("---\n")
        .and_then(|page| page.split_once("\n---\n"))
        .map_or(PAGE, |(_, body)| body)
        .trim()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_instructions_are_a_short_part_of_the_page() {
        assert!(instructions().len() <= 2048, "{} bytes", instructions().len());
        assert!(instructions().len() < body().len());
        assert!(instructions().contains("start_deployment"));
    }

    #[test]
    fn the_body_has_no_front_matter() {
        assert!(body().starts_with("# "));
    }

    #[test]
    fn the_page_names_every_tool_and_no_other() {
        let tools: Vec<String> = crate::tools::catalogue().iter().map(|tool| tool.name.to_string()).collect();
        for tool in &tools {
            assert!(body().contains(&format!("`{tool}`")), "{tool} is not explained");
        }
        let listed = PAGE.split("mcp__deployment-orchestrator__").skip(1);
        for name in listed.filter_map(|rest| rest.split([',', '\n', '`']).next()) {
            assert!(tools.iter().any(|tool| tool == name), "there is no tool {name}");
        }
    }
}
