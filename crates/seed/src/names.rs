//! Names of companies, people and things. None of them is meant to be anybody's.

use crate::dice::Dice;

/// What companies are called.
const COMPANIES: [&str; 54] = [
    "Alder",
    "Amber",
    "Ashford",
    "Beacon",
    "Birchwood",
    "Blue Harbor",
    "Bridgeport",
    "Brightwater",
    "Cascade",
    "Cedar Hill",
    "Clearview",
    "Cobalt",
    "Copperfield",
    "Cornerstone",
    "Crescent",
    "Driftwood",
    "Eastgate",
    "Elmwood",
    "Evergreen",
    "Fairmont",
    "Falcon Ridge",
    "Foxglove",
    "Granite",
    "Greenfield",
    "Harborview",
    "Hawthorne",
    "Highland",
    "Horizon",
    "Ironbridge",
    "Juniper",
    "Kestrel",
    "Lakeside",
    "Lighthouse",
    "Maple Street",
    "Meridian",
    "Millstone",
    "Northgate",
    "Oakridge",
    "Orchard",
    "Pinecrest",
    "Quarry Lane",
    "Redwood",
    "Riverside",
    "Rosewood",
    "Silverline",
    "Southbank",
    "Stonehaven",
    "Summit",
    "Sunnyside",
    "Tidewater",
    "Valley",
    "Westbrook",
    "Willow Creek",
    "Windmill",
];

/// What they do.
const TRADES: [&str; 42] = [
    "Accounting",
    "Architects",
    "Auto Group",
    "Bakery",
    "Bicycles",
    "Brewing",
    "Builders",
    "Care Home",
    "Catering",
    "Chiropractic",
    "Community Bank",
    "Consulting",
    "Credit Union",
    "Dental",
    "Distribution",
    "Electric",
    "Engineering",
    "Events",
    "Eye Clinic",
    "Family Medicine",
    "Farm Supply",
    "Fitness",
    "Foods",
    "Freight",
    "Furniture",
    "Hotel",
    "Insurance",
    "Landscaping",
    "Law",
    "Logistics",
    "Manufacturing",
    "Marketing",
    "Packaging",
    "Pediatrics",
    "Plumbing",
    "Print",
    "Property",
    "Recruiting",
    "School District",
    "Steel",
    "Surveyors",
    "Veterinary",
];

const FIRST: [&str; 44] = [
    "Aaron", "Adele", "Amir", "Anna", "Ben", "Carla", "Chen", "Daniel", "Diana", "Elena", "Erik", "Fatima", "Grace",
    "Hannah", "Hugo", "Ines", "Ivan", "Jamal", "Jana", "Julia", "Kenji", "Lara", "Liam", "Lucia", "Marcus", "Maria",
    "Mei", "Nadia", "Noah", "Olga", "Omar", "Paula", "Peter", "Priya", "Ravi", "Rosa", "Samuel", "Sofia", "Tara",
    "Thomas", "Uma", "Victor", "Wanda", "Yusuf",
];

const LAST: [&str; 48] = [
    "Adams", "Ahmed", "Baker", "Banerjee", "Becker", "Brandt", "Carter", "Castillo", "Costa", "Dawson", "Diaz",
    "Dubois", "Eriksen", "Fischer", "Foster", "Garcia", "Grant", "Hansen", "Hayes", "Ibrahim", "Jensen", "Kaur",
    "Keller", "Kim", "Kowalski", "Larsen", "Lopez", "Marino", "Mendez", "Meyer", "Murphy", "Nguyen", "Novak", "Okafor",
    "Olsen", "Park", "Patel", "Petrov", "Quinn", "Reyes", "Rossi", "Santos", "Schmidt", "Singh", "Tanaka", "Vargas",
    "Weber", "Young",
];

/// Every pair out of two lists, in an order of its own, none twice before all have come.
#[derive(Debug)]
pub(crate) struct Pairs {
    first: &'static [&'static str],
    second: &'static [&'static str],
    next: usize,
}

/// Has no divisor in common with the number of pairs of any two lists here, so that steps of it visit them all.
const STEP: usize = 1_009;

impl Pairs {
    /// Names of companies: "Cedar Hill Dental".
    pub(crate) fn companies(dice: &mut Dice) -> Self {
        Self { first: &COMPANIES, second: &TRADES, next: dice.index(COMPANIES.len() * TRADES.len()) }
    }

    /// Names of people.
    pub(crate) fn people(dice: &mut Dice) -> Self {
        Self { first: &FIRST, second: &LAST, next: dice.index(FIRST.len() * LAST.len()) }
    }

    /// The next pair.
    pub(crate) fn take(&mut self) -> (&'static str, &'static str) {
        let at = self.next;
        self.next = (at + STEP) % (self.first.len() * self.second.len());
        (self.first[at / self.second.len()], self.second[at % self.second.len()])
    }
}

/// The name as part of an address: lower case, nothing but letters.
pub(crate) fn address_part(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphabetic).map(|letter| letter.to_ascii_lowercase()).collect()
}

/// The start of a client's host names: up to four letters of its name.
pub(crate) fn host_prefix(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphabetic).take(4).map(|letter| letter.to_ascii_uppercase()).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_pair_comes_twice_before_all_have_come() {
        let mut dice = Dice::new(1, 0);
        for (mut pairs, all) in [(Pairs::companies(&mut dice), 54 * 42), (Pairs::people(&mut dice), 44 * 48)] {
            let taken: BTreeSet<_> = (0..all).map(|_| pairs.take()).collect();
            assert_eq!(taken.len(), all);
        }
    }
}
