//! How many tokens a request can take at most, told without asking Google.

/// What any served model takes at most; Google refuses a longer prompt.
pub const CONTEXT_WINDOW: u64 = 1_048_576;

/// An image: older models tile large ones, 258 tokens a tile of 768 pixels (ai.google.dev/gemini-api/docs/tokens);
/// sixteen tiles are 3,072 pixels a side, and one more is the image itself. Newer ones take fewer, by resolution.
const IMAGE: u64 = 17 * 258;

/// No token is taken to stand for more bytes of text than this. The longest of open vocabularies are runs of spaces and
/// words of scripts with three bytes a letter, below 50 bytes. It bounds no price: it tells when counting is in vain.
const LONGEST_TOKEN: u64 = 64;

/// What a request can take.
///
/// Text has at most a token a byte, and an image a bound, which rests on how Google says that it counts; should it not
/// hold, the true figure is booked, and counted as an overrun. Of other media no number of bytes tells anything: a
/// thousand empty pages of a PDF are ten kilobytes and a quarter of a million tokens. A prompt with such in it weighs
/// all that a model takes until Google has [counted](Self::counted) it; its figure then stands for text and media.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Weight {
    text_bytes: u64,
    settings_bytes: u64,
    media: u64,
    counted: Option<u64>,
    output: u64,
    audio: bool,
    unbounded: bool,
}

impl Weight {
    /// Adds text, by its bytes in UTF-8.
    pub fn add_text(&mut self, bytes: usize) {
        self.text_bytes = self.text_bytes.saturating_add(bytes as u64);
    }

    /// Adds what is sent beside the text and what Google does not promise to count: settings, signatures. Its bytes
    /// weigh whatever the count says.
    pub fn add_settings(&mut self, bytes: usize) {
        self.settings_bytes = self.settings_bytes.saturating_add(bytes as u64);
    }

    /// Adds a medium, by its type in lower case.
    pub fn add_media(&mut self, mime_type: &str) {
        let kind = mime_type.split('/').next().unwrap_or_default();
        self.audio |= matches!(kind, "audio" | "video");
        if kind == "image" {
            self.media = self.media.saturating_add(IMAGE);
        } else {
            self.unbounded = true;
        }
    }

    /// Adds what the answer may take, thoughts included.
    pub fn add_output(&mut self, tokens: u64) {
        self.output = self.output.saturating_add(tokens);
    }

    /// The same, now that Google has counted the tokens of text and media.
    #[must_use]
    pub const fn counted(self, tokens: u64) -> Self {
        Self { counted: Some(tokens), ..self }
    }

    /// The least that a count could make of it.
    #[must_use]
    pub const fn least(self) -> Self {
        self.counted(self.text_bytes / LONGEST_TOKEN)
    }

    /// Whether only a count tells how much it can take.
    #[must_use]
    pub const fn needs_count(&self) -> bool {
        self.unbounded && self.counted.is_none()
    }

    /// The most tokens of the prompt.
    #[must_use]
    pub fn input_tokens(&self) -> u64 {
        if self.needs_count() {
            return CONTEXT_WINDOW;
        }
        let read = self.counted.unwrap_or_else(|| self.text_bytes.saturating_add(self.media));
        read.saturating_add(self.settings_bytes).min(CONTEXT_WINDOW)
    }

    /// The most tokens of the answer.
    #[must_use]
    pub const fn output_tokens(&self) -> u64 {
        self.output
    }

    /// All of them.
    #[must_use]
    pub fn tokens(&self) -> u64 {
        self.input_tokens().saturating_add(self.output)
    }

    /// Whether there is sound in it.
    #[must_use]
    pub const fn has_audio(&self) -> bool {
        self.audio
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_weighs_its_bytes_and_an_image_what_google_says() {
        let mut weight = Weight::default();
        weight.add_text("é".len());
        weight.add_media("image/png");
        weight.add_output(100);
        assert_eq!((weight.input_tokens(), weight.tokens()), (2 + IMAGE, 102 + IMAGE));
        assert!(!weight.has_audio() && !weight.needs_count());
    }

    #[test]
    fn what_no_bytes_bound_weighs_all_that_a_model_takes_until_it_is_counted() {
        for (mime_type, audio) in
            [("application/pdf", false), ("audio/mp3", true), ("video/mp4", true), ("model/obj", false)]
        {
            let mut weight = Weight::default();
            weight.add_text(64);
            weight.add_media(mime_type);
            assert!(weight.needs_count() && weight.has_audio() == audio, "{mime_type}");
            assert_eq!((weight.input_tokens(), weight.least().input_tokens()), (CONTEXT_WINDOW, 1), "{mime_type}");
            let counted = weight.counted(258_000);
            assert_eq!((counted.input_tokens(), counted.needs_count()), (258_000, false), "{mime_type}");
        }
    }

    #[test]
    fn a_count_stands_for_text_and_media_and_for_nothing_else() {
        let mut weight = Weight::default();
        weight.add_text(6400);
        weight.add_settings(30);
        weight.add_media("image/png");
        weight.add_output(100);
        assert_eq!(weight.input_tokens(), 6430 + IMAGE);
        assert_eq!((weight.counted(1500).input_tokens(), weight.counted(1500).tokens()), (1530, 1630));
        assert_eq!(weight.least().input_tokens(), 130);
        // What Google says is believed, also where it is more than our bound.
        assert_eq!(weight.counted(20_000).input_tokens(), 20_030);
    }

    #[test]
    fn no_prompt_weighs_more_than_a_model_takes() {
        let mut weight = Weight::default();
        weight.add_text(usize::MAX);
        weight.add_settings(usize::MAX);
        weight.add_media("image/png");
        weight.add_output(u64::MAX);
        assert_eq!((weight.input_tokens(), weight.tokens()), (CONTEXT_WINDOW, u64::MAX));
    }
}
