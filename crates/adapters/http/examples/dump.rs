fn main(){ println!("{}", claudetools_http::description()); }
