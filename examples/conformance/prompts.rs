//! The prompts that the suite asks for.

use rmcp::model::{
    ContentBlock, ErrorData, GetPromptRequestParams, GetPromptResponse, GetPromptResult, Prompt,
    PromptArgument, PromptMessage, ResourceContents, Role,
};

use crate::contents::{PNG, PNG_TYPE};
use crate::rounds::{form, question, text_of};

/// All of them.
pub(crate) fn all() -> Vec<Prompt> {
    let prompt = |name: &str, description: &str, arguments: &[&str]| {
        let arguments = arguments.iter().map(|name| {
            PromptArgument::new(*name).with_description("It is put into the prompt").with_required(true)
        });
        Prompt::new(name, Some(description), Some(arguments.collect()))
    };
    vec![
        prompt("test_simple_prompt", "A text", &[]),
        prompt("test_prompt_with_arguments", "A text with two arguments in it", &["arg1", "arg2"]),
        prompt("test_prompt_with_embedded_resource", "A resource and a text", &["resourceUri"]),
        prompt("test_prompt_with_image", "An image and a text", &[]),
        prompt("test_input_required_result_prompt", "A text with something that is asked first", &[]),
    ]
}

/// One of them.
pub(crate) fn get(request: &GetPromptRequestParams) -> Result<GetPromptResponse, ErrorData> {
    let messages = match request.name.as_str() {
        "test_simple_prompt" => vec![text("This is a simple prompt for testing.")],
        "test_prompt_with_arguments" => {
            let (first, second) = (argument(request, "arg1")?, argument(request, "arg2")?);
            vec![text(format!("Prompt with arguments: arg1='{first}', arg2='{second}'"))]
        }
        "test_prompt_with_embedded_resource" => {
            let uri = argument(request, "resourceUri")?;
            let resource = ResourceContents::text("Embedded resource content for testing.", uri);
            let resource = ContentBlock::resource(resource.with_mime_type("text/plain"));
            let order = text("Please process the embedded resource above.");
            vec![PromptMessage::new(Role::User, resource), order]
        }
        "test_prompt_with_image" => {
            let image = PromptMessage::new(Role::User, ContentBlock::image(PNG, PNG_TYPE));
            vec![image, text("Please analyze the image above.")]
        }
        "test_input_required_result_prompt" => {
            match text_of(request.input_responses.as_ref(), "user_context", "context") {
                Some(context) => vec![text(format!("Work with this context: {context}"))],
                None => {
                    let asked = form("What context should the prompt use?", "context", "string");
                    return Ok(question([("user_context", asked)], None));
                }
            }
        }
        name => return Err(ErrorData::invalid_params(format!("there is no prompt {name}"), None)),
    };
    Ok(GetPromptResult::new(messages).into())
}

fn text(text: impl Into<String>) -> PromptMessage {
    PromptMessage::new_text(Role::User, text)
}

fn argument<'a>(request: &'a GetPromptRequestParams, name: &str) -> Result<&'a str, ErrorData> {
    let value = request.arguments.as_ref().and_then(|given| given.get(name)?.as_str());
    value.ok_or_else(|| ErrorData::invalid_params(format!("{} needs {name}", request.name), None))
}
