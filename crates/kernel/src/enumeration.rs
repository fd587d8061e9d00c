//! Closed sets of words, as they stand in JSON, in query strings and in the database.

/// A closed set of values, each with one spelling (lower snake case) in JSON, query strings and the database.
pub trait Enumeration: Copy + Eq + Sized + 'static {
    /// Every value, in the order of the documentation.
    const ALL: &'static [Self];

    /// The one spelling of this value.
    fn as_str(self) -> &'static str;

    /// The value of a spelling, or `None` for a word that is not in the set.
    fn parse(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|value| value.as_str() == word)
    }

    /// What a word outside the set is answered: the words allowed.
    fn wanted() -> String {
        let words: Vec<&str> = Self::ALL.iter().map(|value| value.as_str()).collect();
        format!("must be one of {}", words.join(", "))
    }
}

/// Declares a closed set of words: the enum, its [`Enumeration`], and serde through the same spelling.
///
/// ```
/// claudetools_kernel::enumeration! {
///     /// How urgent something is.
///     pub enum Urgency { Low = "low", High = "high" }
/// }
/// assert_eq!(<Urgency as claudetools_kernel::Enumeration>::parse("high"), Some(Urgency::High));
/// ```
#[macro_export]
macro_rules! enumeration {
    ($(#[$meta:meta])* $vis:vis enum $name:ident { $($(#[$variant_meta:meta])* $variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        $vis enum $name { $($(#[$variant_meta])* #[doc = concat!("`", $word, "`")] $variant),+ }

        impl $crate::Enumeration for $name {
            const ALL: &'static [Self] = &[$(Self::$variant),+];
            fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }
        }

        impl $crate::serde::Serialize for $name {
            fn serialize<S: $crate::serde::Serializer>(&self, serializer: S) -> ::std::result::Result<S::Ok, S::Error> {
                serializer.serialize_str($crate::Enumeration::as_str(*self))
            }
        }

        impl<'de> $crate::serde::Deserialize<'de> for $name {
            fn deserialize<D: $crate::serde::Deserializer<'de>>(deserializer: D) -> ::std::result::Result<Self, D::Error> {
                let word = <::std::borrow::Cow<'de, str> as $crate::serde::Deserialize>::deserialize(deserializer)?;
                <Self as $crate::Enumeration>::parse(&word)
                    .ok_or_else(|| $crate::serde::de::Error::custom(<Self as $crate::Enumeration>::wanted()))
            }
        }

        impl ::std::fmt::Display for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                f.write_str($crate::Enumeration::as_str(*self))
            }
        }
    };
}
