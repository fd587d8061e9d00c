//! Bodies of several forms that exclude each other.

use std::{borrow::Cow, marker::PhantomData};

use utoipa::{
    __dev::ComposeSchema,
    PartialSchema, ToSchema,
    openapi::{OneOfBuilder, RefOr, Schema, schema::AdditionalProperties},
};

/// A body that has one of several forms, each with some of its fields and no others. Which one it is, the handler finds out.
pub(crate) trait Forms: ToSchema {
    /// What the description calls the choice.
    const NAME: &'static str;
    /// What there is to choose from, in words.
    const TEXT: &'static str;
    /// The forms.
    const FORMS: &'static [Form];
}

/// One form of a body.
pub(crate) struct Form {
    pub(crate) title: &'static str,
    pub(crate) fields: &'static [&'static str],
    pub(crate) required: &'static [&'static str],
}

impl Form {
    fn schema_of<T: PartialSchema>(&self) -> RefOr<Schema> {
        let mut schema = T::schema();
        if let RefOr::T(Schema::Object(form)) = &mut schema {
            form.title = Some(self.title.to_owned());
            form.description = None;
            form.properties.retain(|name, _| self.fields.contains(&name.as_str()));
            form.required = self.required.iter().map(|name| (*name).to_owned()).collect();
            form.additional_properties = Some(Box::new(AdditionalProperties::FreeForm(false)));
        }
        schema
    }
}

/// A body as the description shows it: form by form. To be named through an alias.
pub(crate) struct OneForm<T>(PhantomData<T>);

impl<T: Forms> ComposeSchema for OneForm<T> {
    fn compose(_: Vec<RefOr<Schema>>) -> RefOr<Schema> {
        let forms = T::FORMS.iter().map(Form::schema_of::<T>);
        forms.fold(OneOfBuilder::new(), OneOfBuilder::item).description(Some(T::TEXT)).into()
    }
}

impl<T: Forms> ToSchema for OneForm<T> {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed(T::NAME)
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        T::schemas(schemas);
    }
}

#[cfg(test)]
mod tests {
    use utoipa::openapi::ObjectBuilder;

    use super::*;

    struct Pair;

    impl PartialSchema for Pair {
        fn schema() -> RefOr<Schema> {
            let members = ["a", "b"].map(|name| (name, ObjectBuilder::new()));
            members.into_iter().fold(ObjectBuilder::new(), |whole, (name, member)| whole.property(name, member)).into()
        }
    }

    #[test]
    fn a_form_demands_its_fields_and_allows_no_others() {
        let form = Form { title: "A", fields: &["a"], required: &["a"] };
        let RefOr::T(Schema::Object(form)) = form.schema_of::<Pair>() else { panic!("an object") };
        assert_eq!(form.properties.keys().collect::<Vec<_>>(), ["a"]);
        assert_eq!(form.required, ["a"]);
        let Some(AdditionalProperties::FreeForm(more)) = form.additional_properties.as_deref() else {
            panic!("closed")
        };
        assert!(!more);
    }
}
