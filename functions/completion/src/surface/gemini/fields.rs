//! Every field of a Gemini request and what becomes of it.
//!
//! Source: the v1beta protos and the types of google-genai 3.4.0, read 2026-11. What has no row is unknown and
//! refused by name.

use std::sync::LazyLock;

use shared::fields::{Table, Treatment};

use crate::surface::remedies::{CACHES, LOGPROBS, SPEECH, TIER};

const FILES: &str = "files hold what no guard has read; send the content as inlineData";
const INSTRUCTION: &str = "a system instruction is text; put the rest into contents";
const LIVE: &str = "it belongs to live sessions, which are not offered";
const MEDIA: &str = "leave it out; the gate sends media as it comes";
const TOOL: &str = "Google bills this tool apart, and it has no price here; declare a function and run it yourself";
const VERTEX: &str = "leave it out; the Gemini API does not take it";

const REQUEST: &[(&str, Treatment)] = {
    use Treatment::{Clamp, Forward, Ignore, Opaque, Refuse};
    &[
        ("contents", Forward),
        ("contents[].role", Forward),
        ("contents[].parts", Forward),
        ("contents[].parts[].text", Forward),
        ("contents[].parts[].thought", Forward),
        ("contents[].parts[].thoughtSignature", Forward),
        ("contents[].parts[].inlineData", Forward),
        ("contents[].parts[].inlineData.mimeType", Forward),
        ("contents[].parts[].inlineData.data", Forward),
        ("contents[].parts[].inlineData.displayName", Ignore),
        ("contents[].parts[].functionCall", Forward),
        ("contents[].parts[].functionCall.id", Forward),
        ("contents[].parts[].functionCall.name", Forward),
        ("contents[].parts[].functionCall.args", Opaque),
        ("contents[].parts[].functionCall.partialArgs", Refuse(LIVE)),
        ("contents[].parts[].functionCall.willContinue", Refuse(LIVE)),
        ("contents[].parts[].functionResponse", Forward),
        ("contents[].parts[].functionResponse.id", Forward),
        ("contents[].parts[].functionResponse.name", Forward),
        ("contents[].parts[].functionResponse.response", Opaque),
        ("contents[].parts[].functionResponse.parts", Refuse("put the result into response")),
        ("contents[].parts[].functionResponse.willContinue", Refuse(LIVE)),
        ("contents[].parts[].functionResponse.scheduling", Refuse(LIVE)),
        ("contents[].parts[].executableCode", Forward),
        ("contents[].parts[].executableCode.id", Ignore),
        ("contents[].parts[].executableCode.language", Forward),
        ("contents[].parts[].executableCode.code", Forward),
        ("contents[].parts[].codeExecutionResult", Forward),
        ("contents[].parts[].codeExecutionResult.id", Ignore),
        ("contents[].parts[].codeExecutionResult.outcome", Forward),
        ("contents[].parts[].codeExecutionResult.output", Forward),
        ("contents[].parts[].partMetadata", Opaque),
        ("contents[].parts[].fileData", Refuse(FILES)),
        ("contents[].parts[].videoMetadata", Refuse(MEDIA)),
        ("contents[].parts[].mediaResolution", Refuse(MEDIA)),
        ("contents[].parts[].mediaProcessing", Refuse(MEDIA)),
        ("contents[].parts[].audioMetadata", Refuse(MEDIA)),
        ("contents[].parts[].audioTranscription", Refuse(MEDIA)),
        ("contents[].parts[].documentMetadata", Refuse(MEDIA)),
        ("contents[].parts[].speechMetadata", Refuse(MEDIA)),
        ("contents[].parts[].spreadsheetMetadata", Refuse(MEDIA)),
        ("contents[].parts[].toolCall", Refuse(TOOL)),
        ("contents[].parts[].toolResponse", Refuse(TOOL)),
        ("systemInstruction", Forward),
        ("systemInstruction.role", Ignore),
        ("systemInstruction.parts", Forward),
        ("systemInstruction.parts[].text", Forward),
        ("systemInstruction.parts[].audioMetadata", Refuse(INSTRUCTION)),
        ("systemInstruction.parts[].audioTranscription", Refuse(INSTRUCTION)),
        ("systemInstruction.parts[].codeExecutionResult", Refuse(INSTRUCTION)),
        ("systemInstruction.parts[].documentMetadata", Refuse(INSTRUCTION)),
        ("systemInstruction.parts[].executableCode", Refuse(INSTRUCTION)),
        ("systemInstruction.parts[].fileData", Refuse(INSTRUCTION)),
        ("systemInstruction.parts[].functionCall", Refuse(INSTRUCTION)),
        ("systemInstruction.parts[].functionResponse", Refuse(INSTRUCTION)),
        ("systemInstruction.parts[].inlineData", Refuse(INSTRUCTION)),
        ("systemInstruction.parts[].mediaProcessing", Refuse(INSTRUCTION)),
        ("systemInstruction.parts[].mediaResolution", Refuse(INSTRUCTION)),
        ("systemInstruction.parts[].partMetadata", Refuse(INSTRUCTION)),
        ("systemInstruction.parts[].speechMetadata", Refuse(INSTRUCTION)),
        ("systemInstruction.parts[].spreadsheetMetadata", Refuse(INSTRUCTION)),
        ("systemInstruction.parts[].thought", Refuse(INSTRUCTION)),
        ("systemInstruction.parts[].thoughtSignature", Refuse(INSTRUCTION)),
        ("systemInstruction.parts[].toolCall", Refuse(INSTRUCTION)),
        ("systemInstruction.parts[].toolResponse", Refuse(INSTRUCTION)),
        ("systemInstruction.parts[].videoMetadata", Refuse(INSTRUCTION)),
        ("safetySettings", Forward),
        ("safetySettings[].category", Forward),
        ("safetySettings[].threshold", Clamp),
        ("safetySettings[].method", Refuse(VERTEX)),
        ("tools", Forward),
        ("tools[].functionDeclarations", Forward),
        ("tools[].functionDeclarations[].name", Forward),
        ("tools[].functionDeclarations[].description", Forward),
        ("tools[].functionDeclarations[].parameters", Opaque),
        ("tools[].functionDeclarations[].parametersJsonSchema", Opaque),
        ("tools[].functionDeclarations[].response", Opaque),
        ("tools[].functionDeclarations[].responseJsonSchema", Opaque),
        ("tools[].functionDeclarations[].behavior", Refuse(LIVE)),
        ("tools[].codeExecution", Refuse(TOOL)),
        ("tools[].computerUse", Refuse(TOOL)),
        ("tools[].enterpriseWebSearch", Refuse(VERTEX)),
        ("tools[].exaAiSearch", Refuse(VERTEX)),
        ("tools[].fileSearch", Refuse(TOOL)),
        ("tools[].googleMaps", Refuse(TOOL)),
        ("tools[].googleSearch", Refuse(TOOL)),
        ("tools[].googleSearchRetrieval", Refuse(TOOL)),
        ("tools[].mcpServers", Refuse("call the server yourself and send its answer as a functionResponse")),
        ("tools[].parallelAiSearch", Refuse(VERTEX)),
        ("tools[].retrieval", Refuse(VERTEX)),
        ("tools[].urlContext", Refuse(TOOL)),
        ("toolConfig", Forward),
        ("toolConfig.functionCallingConfig", Forward),
        ("toolConfig.functionCallingConfig.mode", Forward),
        ("toolConfig.functionCallingConfig.allowedFunctionNames", Forward),
        ("toolConfig.functionCallingConfig.streamFunctionCallArguments", Refuse(LIVE)),
        ("toolConfig.retrievalConfig", Refuse(TOOL)),
        ("toolConfig.includeServerSideToolInvocations", Refuse(TOOL)),
        ("cachedContent", Refuse(CACHES)),
        ("continuationToken", Refuse("it continues an answer that no guard has read; ask anew")),
        ("labels", Refuse(VERTEX)),
        ("serviceTier", Refuse(TIER)),
        // The gate never stores at Google; a client that says so too says nothing new.
        ("store", Forward),
        ("generationConfig", Forward),
        ("generationConfig.audioTimestamp", Refuse(VERTEX)),
        ("generationConfig.audioTranscriptionConfig", Refuse(LIVE)),
        ("generationConfig.candidateCount", Clamp),
        ("generationConfig.enableAffectiveDialog", Refuse(LIVE)),
        ("generationConfig.enableEnhancedCivicAnswers", Clamp),
        ("generationConfig.frequencyPenalty", Clamp),
        ("generationConfig.imageConfig", Refuse("images are not generated here")),
        ("generationConfig.logprobs", Refuse(LOGPROBS)),
        ("generationConfig.maxOutputTokens", Clamp),
        ("generationConfig.mediaResolution", Refuse(MEDIA)),
        ("generationConfig.modelSelectionConfig", Refuse(VERTEX)),
        ("generationConfig.presencePenalty", Clamp),
        ("generationConfig.responseFormat", Refuse("use responseMimeType and responseJsonSchema")),
        ("generationConfig.responseJsonSchema", Opaque),
        ("generationConfig.responseLogprobs", Clamp),
        ("generationConfig.responseMimeType", Clamp),
        ("generationConfig.responseModalities", Clamp),
        ("generationConfig.responseSchema", Opaque),
        ("generationConfig.routingConfig", Refuse(VERTEX)),
        ("generationConfig.seed", Clamp),
        ("generationConfig.speechConfig", Refuse(SPEECH)),
        ("generationConfig.stopSequences", Clamp),
        ("generationConfig.temperature", Clamp),
        ("generationConfig.thinkingConfig", Clamp),
        ("generationConfig.thinkingConfig.includeThoughts", Clamp),
        ("generationConfig.thinkingConfig.thinkingBudget", Clamp),
        ("generationConfig.thinkingConfig.thinkingLevel", Clamp),
        ("generationConfig.topK", Clamp),
        ("generationConfig.topP", Clamp),
        ("generationConfig.translationConfig", Refuse(LIVE)),
    ]
};

pub(super) static TABLE: LazyLock<Table> = LazyLock::new(|| Table::new(REQUEST));

/// The fields of `generateContent` and `streamGenerateContent`.
#[must_use]
pub fn table() -> &'static Table {
    &TABLE
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_field_has_two_rows_and_each_has_a_parent_that_lets_it_be_reached() {
        let paths: BTreeSet<&str> = REQUEST.iter().map(|(path, _)| *path).collect();
        assert_eq!(paths.len(), REQUEST.len());
        for (path, _) in REQUEST {
            let Some((parent, _)) = path.rsplit_once('.') else { continue };
            assert!(paths.contains(parent.trim_end_matches("[]")), "{path} has no parent");
        }
    }
}
