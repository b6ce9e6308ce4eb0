//! What is wrong with a text, each with its place.

/// Line and column, both from 1; columns count characters.
pub type Place = (usize, usize);

/// Most mistakes that are told of one text.
pub const TOLD: usize = 20;

/// Most mistakes that are remembered, so that those told are the first ones. The rest is counted.
const KEPT: usize = 1000;

/// A mistake in a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// Where; `None` for the text as a whole.
    pub at: Option<Place>,
    /// What.
    pub message: String,
}

/// The mistakes of a text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Mistakes {
    /// The first of them.
    pub list: Vec<Mistake>,
    /// How many there are besides.
    pub more: usize,
}

impl Mistakes {
    /// One more, of a place.
    pub fn add(&mut self, at: Place, message: impl Into<String>) {
        self.push(Mistake { at: Some(at), message: message.into() });
    }

    /// One more, of the text as a whole.
    pub fn of_all(&mut self, message: impl Into<String>) {
        self.push(Mistake { at: None, message: message.into() });
    }

    fn push(&mut self, mistake: Mistake) {
        if self.list.len() < KEPT {
            self.list.push(mistake);
        } else {
            self.more += 1;
        }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// The value that was read, or the mistakes in the order of their places.
    ///
    /// # Errors
    /// There are mistakes: the first 20 of them, and how many more.
    pub fn end<T>(self, value: T) -> Result<T, Mistakes> {
        if self.is_empty() { Ok(value) } else { Err(self.told()) }
    }

    /// The first 20 in the order of their places, and how many more.
    #[must_use]
    pub fn told(mut self) -> Self {
        self.list.sort_by_key(|mistake| mistake.at);
        self.more += self.list.len().saturating_sub(TOLD);
        self.list.truncate(TOLD);
        self
    }
}
