//! Slack's words for what a person must change, and what that is.

/// What to change so that Slack takes it; `None` for a word that says no such thing.
pub(super) fn remedy(code: &str) -> Option<&'static str> {
    Some(match code {
        "not_in_channel" => "invite the app to the channel, with /invite there",
        "channel_not_found" => {
            "check `channel`, an id such as C0123456; to a private channel the app must be invited"
        }
        "is_archived" | "channel_is_archived" => "unarchive the channel, or configure another",
        "invalid_auth"
        | "not_authed"
        | "token_revoked"
        | "token_expired"
        | "account_inactive"
        | "not_allowed_token_type" => {
            "set SLACK_BOT_TOKEN to the bot token (xoxb-…) of the app as it is installed now"
        }
        "missing_scope" | "no_permission" => "give the app the scope chat:write and install it again",
        "restricted_action"
        | "restricted_action_read_only_channel"
        | "restricted_action_thread_only_channel"
        | "restricted_action_non_threadable_channel"
        | "restricted_action_thread_locked"
        | "posting_to_general_channel_denied"
        | "action_prohibited" => "let the app post there, in the settings of the channel or of the workspace",
        "ekm_access_denied"
        | "access_denied"
        | "accesslimited"
        | "team_access_not_granted"
        | "enterprise_is_restricted"
        | "two_factor_setup_required"
        | "team_disabled" => "an administrator of the workspace must let the app in",
        "no_service" | "no_service_id" | "no_team" | "invalid_token" => {
            "the webhook was removed: make another in the settings of the app and set its address"
        }
        "msg_too_long"
        | "msg_blocks_too_long"
        | "no_text"
        | "invalid_blocks"
        | "invalid_blocks_format"
        | "invalid_arguments"
        | "invalid_payload"
        | "invalid_metadata_format"
        | "invalid_metadata_schema"
        | "metadata_too_large"
        | "too_many_attachments" => {
            "the message is not one that Slack can show, which is a defect here: report it"
        }
        "method_deprecated" | "deprecated_endpoint" | "unknown_method" => {
            "this version is too old for Slack: install a newer one"
        }
        _ => return None,
    })
}

/// Whether it says that there is no such message to change any more.
pub(super) fn is_gone(code: &str) -> bool {
    ["message_not_found", "thread_not_found", "cant_update_message", "edit_window_closed"].contains(&code)
}
