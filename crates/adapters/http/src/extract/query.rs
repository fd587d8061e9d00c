//! Query strings: strict, and with all faults at once; paging, order and filters of lists.

use std::{
    future::{Ready, ready},
    marker::PhantomData,
};

use actix_web::{FromRequest, HttpRequest, dev::Payload};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use claudetools_kernel::{
    self as kernel, Direction, Enumeration, Error, Faults, Page, PageRequest, Position, Sort, SortField, SortKey, Start,
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use uuid::Uuid;

use crate::error::ApiError;

/// How many rows a page has at the most.
pub(crate) const MAX_LIMIT: u32 = 200;
/// How many rows a page has unless the request says otherwise.
const DEFAULT_LIMIT: u32 = 50;
/// The deepest offset taken: what every engine can count to.
const MAX_OFFSET: u64 = i64::MAX as u64;

type Pairs = Vec<(String, String)>;

/// Query parameters of an operation that is not a list.
pub(crate) struct Query<F>(pub(crate) F);

impl<F: DeserializeOwned + 'static> FromRequest for Query<F> {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let mut faults = Faults::default();
        let filter = pairs(request, &mut faults);
        let filter = parse_filter(&filter, &mut faults);
        ready(finish(faults, filter).map(Self).map_err(ApiError::from))
    }
}

/// The query of a list, read as a `Q` (a struct of options with `deny_unknown_fields`) and the parameters of paging: the domain's
/// filter `F`, a page, and an order by `S`.
pub(crate) struct ListQuery<Q, F, S>(pub(crate) kernel::Query<F, S>, PhantomData<Q>);

impl<Q: DeserializeOwned + Into<F> + 'static, F: 'static, S: SortField> FromRequest for ListQuery<Q, F, S> {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let mut faults = Faults::default();
        let mut given = pairs(request, &mut faults);
        let page = parse_page(&mut given, &mut faults);
        let filter = parse_filter::<Q>(&given, &mut faults);
        let query = page.zip(filter).map(|(page, filter)| kernel::Query { filter: filter.into(), page });
        ready(finish(faults, query).map(|query| Self(query, PhantomData)).map_err(ApiError::from))
    }
}

/// A query parameter that is a word of a closed set, beside a filter.
pub(crate) trait Choice: Enumeration {
    /// The parameter's name.
    const NAME: &'static str;
    /// What it means, for the description.
    const TEXT: &'static str;
    /// The word when the request names none.
    const DEFAULT: Self;
}

/// The query of what works on all rows that a filter admits: read as a `Q`, the domain's filter `F`, and a word of `W`.
pub(crate) struct FilterQuery<Q, F, W> {
    pub(crate) filter: F,
    pub(crate) choice: W,
    read_as: PhantomData<Q>,
}

impl<Q: DeserializeOwned + Into<F> + 'static, F: 'static, W: Choice> FromRequest for FilterQuery<Q, F, W> {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let mut faults = Faults::default();
        let mut given = pairs(request, &mut faults);
        let word = take(&mut given, W::NAME, &mut faults);
        let choice = word.map_or(Some(W::DEFAULT), |word| W::parse(&word));
        if choice.is_none() {
            faults.schema(W::NAME, "enum", &W::wanted());
        }
        let filter = parse_filter::<Q>(&given, &mut faults);
        let read = filter.zip(choice).map(|(filter, choice)| (filter.into(), choice));
        let query = finish(faults, read).map(|(filter, choice)| Self { filter, choice, read_as: PhantomData });
        ready(query.map_err(ApiError::from))
    }
}

fn finish<T>(faults: Faults, value: Option<T>) -> Result<T, Error> {
    faults.finish()?;
    value.ok_or_else(|| Faults::one("query", "form", "could not be read"))
}

fn pairs(request: &HttpRequest, faults: &mut Faults) -> Pairs {
    let pairs: Pairs = serde_urlencoded::from_str(request.query_string()).unwrap_or_else(|_| {
        faults.schema("query", "form", "must be of the form name=value&name=value");
        Vec::new()
    });
    for (name, value) in &pairs {
        if value.contains('\0') {
            faults.schema(name, "pattern", "must not contain the NUL character");
        }
    }
    pairs
}

/// Each parameter is read by itself first, which finds all that are wrong instead of the first.
fn parse_filter<F: DeserializeOwned>(given: &[(String, String)], faults: &mut Faults) -> Option<F> {
    let encode = |pairs: &[(String, String)]| serde_urlencoded::to_string(pairs).unwrap_or_default();
    let before = faults.list().len();
    for pair in given {
        if let Err(error) = serde_urlencoded::from_str::<F>(&encode(std::slice::from_ref(pair))) {
            let text = error.to_string();
            match text.strip_prefix("unknown field ") {
                Some(rest) => {
                    let known = rest.split_once(", ").map_or("", |(_, known)| known);
                    faults.schema(&pair.0, "unknown_parameter", &format!("is not a known query parameter; {known}"));
                }
                None if text.starts_with("missing field") => {}
                None => faults.schema(&pair.0, "type", &format!("is not acceptable: {text}")),
            }
        }
    }
    if faults.list().len() > before {
        return None;
    }
    match serde_urlencoded::from_str(&encode(given)) {
        Ok(filter) => Some(filter),
        Err(error) => {
            faults.schema("query", "form", &format!("is not acceptable: {error}"));
            None
        }
    }
}

fn take(given: &mut Pairs, name: &str, faults: &mut Faults) -> Option<String> {
    let at = given.iter().position(|(key, _)| key == name)?;
    let (_, value) = given.remove(at);
    if given.iter().any(|(key, _)| key == name) {
        given.retain(|(key, _)| key != name);
        faults.schema(name, "repeated", "may be given once only");
    }
    Some(value)
}

fn whole(text: Option<String>, name: &str, range: std::ops::RangeInclusive<u64>, faults: &mut Faults) -> Option<u64> {
    let parsed = text?.parse().ok().filter(|number| range.contains(number));
    if parsed.is_none() {
        faults.schema(name, "range", &format!("must be a whole number from {} to {}", range.start(), range.end()));
    }
    parsed
}

fn parse_page<S: SortField>(given: &mut Pairs, faults: &mut Faults) -> Option<PageRequest<S>> {
    let limit = take(given, "limit", faults);
    let limit = whole(limit, "limit", 1..=u64::from(MAX_LIMIT), faults).and_then(|limit| limit.try_into().ok());
    let offset = take(given, "offset", faults);
    let has_offset = offset.is_some();
    let offset = whole(offset, "offset", 0..=MAX_OFFSET, faults).unwrap_or(0);
    let sort = take(given, "sort", faults).map(|text| parse_sort::<S>(&text, faults));
    let include_total = match take(given, "include_total", faults).as_deref() {
        None | Some("false") => false,
        Some("true") => true,
        Some(_) => {
            faults.schema("include_total", "type", "must be true or false");
            false
        }
    };
    let cursor = take(given, "cursor", faults);
    let Some(cursor) = cursor else {
        let sort = sort.flatten().unwrap_or_default();
        let start = Start::Offset(offset);
        return Some(PageRequest { limit: limit.unwrap_or(DEFAULT_LIMIT), start, sort, with_total: true });
    };
    if has_offset {
        faults.semantic("cursor", "exclusive", "cannot be combined with offset");
    }
    let Some(cursor) = Cursor::decode(&cursor) else {
        faults.schema("cursor", "cursor", "must be a next_cursor of an earlier answer");
        return None;
    };
    let Some((place, made_for)) = cursor.place::<S>() else {
        faults.semantic("cursor", "list", "was made for another list");
        return None;
    };
    if sort.flatten().is_some_and(|sort| sort != made_for) {
        faults.semantic("cursor", "sort", "was made for another sort; repeat the sort of the first page");
    }
    let limit = limit.unwrap_or(DEFAULT_LIMIT);
    Some(PageRequest { limit, start: Start::After(place), sort: made_for, with_total: include_total })
}

fn parse_sort<S: SortField>(text: &str, faults: &mut Faults) -> Option<Sort<S>> {
    let (name, direction) = match text.strip_prefix('-') {
        Some(name) => (name, Direction::Descending),
        None => (text, Direction::Ascending),
    };
    let field = S::parse(name);
    if field.is_none() {
        let known: Vec<&str> = S::ALL.iter().map(|field| field.as_str()).collect();
        faults.schema("sort", "enum", &format!("must be one of {}, with - before it for descending", known.join(", ")));
    }
    field.map(|field| Sort { field, direction })
}

/// What stands behind the opaque text: the order it was made for and the last row's place in it.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Cursor {
    s: String,
    k: Key,
    i: Uuid,
}

#[derive(Serialize, Deserialize)]
enum Key {
    #[serde(rename = "t")]
    Text(String),
    #[serde(rename = "n")]
    Integer(i64),
    #[serde(rename = "d")]
    Date(chrono::NaiveDate),
}

impl Cursor {
    fn encode<S: SortField>(place: Position, sort: Sort<S>) -> String {
        let sign = if sort.direction == Direction::Descending { "-" } else { "" };
        let k = match place.key {
            SortKey::Text(text) => Key::Text(text),
            SortKey::Integer(number) => Key::Integer(number),
            SortKey::Date(day) => Key::Date(day),
        };
        let cursor = Self { s: format!("{sign}{}", sort.field.as_str()), k, i: place.id };
        BASE64_URL_SAFE_NO_PAD.encode(serde_json::to_vec(&cursor).unwrap_or_default())
    }

    fn decode(text: &str) -> Option<Self> {
        serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(text).ok()?).ok()
    }

    /// The place in a list that can be sorted by `S`; `None` for a cursor of another list.
    fn place<S: SortField>(self) -> Option<(Position, Sort<S>)> {
        let sort: Sort<S> = parse_sort(&self.s, &mut Faults::default())?;
        let key = match self.k {
            Key::Text(text) if !text.contains('\0') => SortKey::Text(text),
            Key::Text(_) => return None,
            Key::Integer(number) => SortKey::Integer(number),
            Key::Date(day) => SortKey::Date(day),
        };
        // A forged key of another type would reach the database as a type error.
        (key.kind() == sort.field.kind()).then_some((Position { key, id: self.i }, sort))
    }
}

/// The body of a list: `{"<collection>": [...], "total", "limit", "offset", "next_cursor"}`.
///
/// With a cursor there is no offset, and the total stands there only when asked for.
pub(crate) fn list_body<T: Serialize, S: SortField>(
    collection: &str,
    page: Page<T>,
    request: &PageRequest<S>,
) -> Result<Vec<u8>, Error> {
    use serde::ser::{SerializeMap, Serializer};
    let mut out = Vec::with_capacity(256 * (page.items.len() + 1));
    let mut json = serde_json::Serializer::new(&mut out);
    let next = page.next.map(|place| Cursor::encode(place, request.sort));
    let written = json.serialize_map(None).and_then(|mut map| {
        map.serialize_entry(collection, &page.items)?;
        if let Some(total) = page.total {
            map.serialize_entry("total", &total)?;
        }
        map.serialize_entry("limit", &request.limit)?;
        if let Start::Offset(offset) = request.start {
            map.serialize_entry("offset", &offset)?;
        }
        map.serialize_entry("next_cursor", &next)?;
        map.end()
    });
    written.map_err(|error| Error::Internal(error.to_string()))?;
    Ok(out)
}
