//! An update in `DynamoDB`'s words, and an item in its attributes.

use std::collections::{BTreeMap, HashMap};

use aws_sdk_dynamodb::types::AttributeValue;

use super::update::{Change, Number, Test, Update};
use crate::aws::dynamodb::Error;
use crate::aws::dynamodb::attributes::{Attributes, number, number_of};
use crate::clock::Timestamp;
use crate::limits::gcra::Micros;
use crate::limits::{Hold, Item, Open};

pub(super) const SUBJECT: &str = "subject";
pub(super) const WINDOW: &str = "window";
const COMMITTED: &str = "committed";
const ENDS: &str = "ends";
const EXPIRES: &str = "expires";
const OPEN: &str = "open";
const TAT: &str = "tat";
const TOKENS_TAT: &str = "tokens_tat";

/// How long an item is kept beyond its window, for requests that are still to be settled in it.
const KEPT_MS: u64 = 7 * 86_400_000;

/// An update as `UpdateItem` takes it. Every name and value has a placeholder, since several of ours are reserved.
#[derive(Debug, Default)]
pub(super) struct Expression {
    pub(super) condition: String,
    pub(super) update: String,
    pub(super) names: HashMap<String, String>,
    pub(super) values: HashMap<String, AttributeValue>,
}

impl Expression {
    pub(super) fn of(update: &Update, hold: &Hold) -> Self {
        let mut expression = Self::default();
        let tests: Vec<_> = update.tests.iter().map(|test| expression.test(test)).collect();
        let (mut set, mut remove) = (Vec::new(), Vec::new());
        for change in &update.changes {
            expression.change(change, hold, &mut set, &mut remove);
        }
        let section = |word: &str, list: &[String]| match list {
            [] => String::new(),
            list => format!("{word} {} ", list.join(", ")),
        };
        expression.condition = tests.join(" AND ");
        expression.update = (section("SET", &set) + &section("REMOVE", &remove)).trim_end().to_owned();
        expression
    }

    /// Has an item last to the end of this window, if it ends sooner.
    pub(super) fn prolonging(hold: &Hold) -> Self {
        let mut expression = Self::default();
        let set =
            lasting(hold).map(|(name, value)| format!("{} = {}", expression.name(name), expression.number(value)));
        expression.update = format!("SET {}", set.join(", "));
        expression.condition = format!("{} < {}", expression.name(ENDS), expression.number(hold.ends.0));
        expression
    }

    fn test(&mut self, test: &Test) -> String {
        match test {
            Test::NoItem => format!("attribute_not_exists({})", self.name(SUBJECT)),
            Test::NotOpen(id) => format!("attribute_not_exists({})", self.place(id)),
            Test::Reserved(id, micros) => format!("{}[0] = {}", self.place(id), self.number(*micros)),
            Test::Over(id, now) => format!("{}[1] <= {}", self.place(id), self.number(now.0)),
            Test::Fewer(than) => format!("size({}) < {}", self.name(OPEN), self.number(*than)),
            Test::Above(number, than) => format!("{} > {}", self.field(*number), self.number(*than)),
            Test::AtLeast(number, than) => format!("{} >= {}", self.field(*number), self.number(*than)),
            Test::AtMost(number, than) => format!("{} <= {}", self.field(*number), self.number(*than)),
        }
    }

    fn change(&mut self, change: &Change, hold: &Hold, set: &mut Vec<String>, remove: &mut Vec<String>) {
        match change {
            Change::Create(item) => {
                let open = item.open.iter().map(|(id, open)| (id.clone(), open_value(*open))).collect();
                let numbers = [(COMMITTED, item.committed), (TAT, item.tat.0), (TOKENS_TAT, item.tokens_tat.0)];
                for (name, value) in numbers.into_iter().chain(lasting(hold)) {
                    set.push(format!("{} = {}", self.name(name), self.number(value)));
                }
                set.push(format!("{} = {}", self.name(OPEN), self.value(AttributeValue::M(open))));
            }
            Change::Set(number, to) => set.push(format!("{} = {}", self.field(*number), self.number(*to))),
            Change::Raise(number, by) => set.push(format!("{0} = {0} + {1}", self.field(*number), self.number(*by))),
            Change::Lower(number, by) => set.push(format!("{0} = {0} - {1}", self.field(*number), self.number(*by))),
            Change::Open(id, open) => set.push(format!("{} = {}", self.place(id), self.value(open_value(*open)))),
            Change::Close(id) => remove.push(self.place(id)),
        }
    }

    fn field(&mut self, number: Number) -> String {
        self.name(match number {
            Number::Committed => COMMITTED,
            Number::Tat => TAT,
            Number::TokensTat => TOKENS_TAT,
        })
    }

    /// Where a request's reservation is.
    fn place(&mut self, id: &str) -> String {
        format!("{}.{}", self.name(OPEN), self.name(id))
    }

    /// The placeholder of a name, the same one each time.
    fn name(&mut self, name: &str) -> String {
        if let Some((placeholder, _)) = self.names.iter().find(|(_, known)| *known == name) {
            return placeholder.clone();
        }
        let placeholder = format!("#{}", self.names.len());
        self.names.insert(placeholder.clone(), name.to_owned());
        placeholder
    }

    fn number(&mut self, number: u64) -> String {
        self.value(number_value(number))
    }

    fn value(&mut self, value: AttributeValue) -> String {
        let placeholder = format!(":{}", self.values.len());
        self.values.insert(placeholder.clone(), value);
        placeholder
    }
}

/// Until when an item of this window is, and is kept.
fn lasting(hold: &Hold) -> [(&'static str, u64); 2] {
    [(ENDS, hold.ends.0), (EXPIRES, hold.ends.0.saturating_add(KEPT_MS) / 1000)]
}

/// When an item's window ends.
pub(super) fn ends(attributes: &Attributes) -> Option<Timestamp> {
    number_of(attributes, ENDS).ok().map(Timestamp)
}

/// The key of the item that is held.
pub(super) fn key(hold: &Hold) -> Attributes {
    let subject = AttributeValue::S(hold.subject.as_str().to_owned());
    HashMap::from([(SUBJECT.to_owned(), subject), (WINDOW.to_owned(), number_value(hold.window.0))])
}

/// Reads an item.
pub(super) fn item(attributes: &Attributes) -> Result<Item, Error> {
    let open = attributes.get(OPEN).and_then(|open| open.as_m().ok()).ok_or(Error::Garbled("nothing is open"))?;
    let open: Result<BTreeMap<_, _>, _> = open.iter().map(|(id, open)| Ok((id.clone(), read_open(open)?))).collect();
    Ok(Item {
        tat: Micros(number_of(attributes, TAT)?),
        tokens_tat: Micros(number_of(attributes, TOKENS_TAT)?),
        committed: number_of(attributes, COMMITTED)?,
        open: open?,
    })
}

fn number_value(number: u64) -> AttributeValue {
    AttributeValue::N(number.to_string())
}

fn open_value(open: Open) -> AttributeValue {
    AttributeValue::L(vec![number_value(open.micros), number_value(open.until.0)])
}

fn read_open(value: &AttributeValue) -> Result<Open, Error> {
    match value.as_l().map(Vec::as_slice) {
        Ok([micros, until]) => Ok(Open { micros: number(micros)?, until: Timestamp(number(until)?) }),
        _ => Err(Error::Garbled("a reservation is no pair")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::dynamodb::ledger::update::{Entry, admission};
    use crate::fakes::ledger::laws;
    use crate::limits::Limits;

    const NOW: Timestamp = Timestamp(1_800_000_000_000);

    fn admitting(seen: Option<&Item>, limits: &Limits) -> Update {
        match admission(seen, &laws::demand("new", 1, 30), limits, NOW) {
            Ok(Some(Entry::Admit(update))) => update,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn an_admission_is_one_expression() {
        let claim = laws::claim("app", "60", 100);
        let expired = Open { micros: 7, until: NOW };
        let mut limits = claim.limits.clone();
        limits.max_open = std::num::NonZeroU32::MIN;
        let seen = Item { open: BTreeMap::from([("old".to_owned(), expired)]), ..Item::default() };
        let update = admitting(Some(&seen), &limits);
        let expression = Expression::of(&update, &claim.hold(NOW));
        assert_eq!(
            expression.condition,
            "attribute_not_exists(#0.#1) AND #2 <= :0 AND #3 <= :1 AND #0.#4[1] <= :2 AND size(#0) < :3"
        );
        assert_eq!(expression.update, "SET #2 = :4, #3 = #3 + :5, #0.#1 = :6 REMOVE #0.#4");
        let name = |placeholder: &str| expression.names.get(placeholder).unwrap().as_str();
        assert_eq!(["#0", "#1", "#2", "#3", "#4"].map(name), [OPEN, "new", TAT, COMMITTED, "old"]);
        let value = |placeholder: &str| number(expression.values.get(placeholder).unwrap()).unwrap();
        let clock = NOW.0 * 1000;
        assert_eq!([":0", ":1", ":2", ":3", ":4", ":5"].map(value), [clock, 70, NOW.0, 2, clock + 1_000_000, 30]);
    }

    #[test]
    fn an_item_is_read_as_it_was_written() {
        let claim = laws::claim("app", "60", 100);
        let update = admitting(None, &claim.limits);
        let [Change::Create(created)] = update.changes.as_slice() else { panic!("{update:?}") };
        let expression = Expression::of(&update, &claim.hold(NOW));
        let written: Attributes = expression
            .update
            .trim_start_matches("SET ")
            .split(", ")
            .filter_map(|part| part.split_once(" = "))
            .map(|(name, value)| (expression.names[name].clone(), expression.values[value].clone()))
            .collect();
        assert_eq!(item(&written).unwrap(), *created);
        let ends = claim.hold(NOW).ends.0;
        assert_eq!(number_of(&written, ENDS).unwrap(), ends);
        assert_eq!(number_of(&written, EXPIRES).unwrap(), ends / 1000 + 7 * 86_400);
    }

    #[test]
    fn what_is_no_item_is_refused_and_never_an_empty_one() {
        assert!(item(&Attributes::new()).is_err());
        let whole = |open: AttributeValue| {
            let zero = || number_value(0);
            Attributes::from([
                (TAT.to_owned(), zero()),
                (TOKENS_TAT.to_owned(), zero()),
                (COMMITTED.to_owned(), zero()),
                (OPEN.to_owned(), AttributeValue::M(HashMap::from([("r".to_owned(), open)]))),
            ])
        };
        assert!(item(&whole(open_value(Open { micros: 1, until: NOW }))).is_ok());
        assert!(item(&whole(AttributeValue::L(vec![number_value(1)]))).is_err());
        assert!(item(&whole(number_value(1))).is_err());
        let mut missing = whole(open_value(Open { micros: 1, until: NOW }));
        missing.remove(COMMITTED);
        assert!(item(&missing).is_err());
    }
}
