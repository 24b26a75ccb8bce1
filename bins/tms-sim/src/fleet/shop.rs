//! Companies and shops with Japanese and English names, and how a fleet spreads over them. Pure and repeatable.

use tms_http::wire::customer::CustomerCreate;

use crate::rng::Rng;

/// A company that owns terminals.
struct Company {
    name: &'static str,
    kana: Option<&'static str>,
    contact: &'static str,
    is_japanese: bool,
    contract: &'static str,
}

const COMPANIES: &[Company] = &[
    Company {
        name: "さくら珈琲株式会社",
        kana: Some("サクラコーヒー"),
        contact: "佐藤 美咲",
        is_japanese: true,
        contract: "premium",
    },
    Company {
        name: "Harbor Books K.K.",
        kana: None,
        contact: "Emma Clarke",
        is_japanese: false,
        contract: "standard",
    },
    Company {
        name: "ひまわり薬局",
        kana: Some("ヒマワリヤッキョク"),
        contact: "鈴木 一郎",
        is_japanese: true,
        contract: "standard",
    },
    Company {
        name: "Green Leaf Market",
        kana: None,
        contact: "Daniel Ito",
        is_japanese: false,
        contract: "premium",
    },
    Company {
        name: "山田屋ストア",
        kana: Some("ヤマダヤストア"),
        contact: "山田 健太",
        is_japanese: true,
        contract: "basic",
    },
    Company {
        name: "Sunrise Electronics Ltd.",
        kana: None,
        contact: "Priya Nair",
        is_japanese: false,
        contract: "standard",
    },
];

/// Places with their Japanese and English names.
const PLACES: &[(&str, &str)] = &[
    ("渋谷", "Shibuya"),
    ("新宿", "Shinjuku"),
    ("池袋", "Ikebukuro"),
    ("上野", "Ueno"),
    ("横浜", "Yokohama"),
    ("川崎", "Kawasaki"),
    ("大宮", "Omiya"),
    ("千葉", "Chiba"),
    ("札幌", "Sapporo"),
    ("仙台", "Sendai"),
    ("新潟", "Niigata"),
    ("金沢", "Kanazawa"),
    ("名古屋", "Nagoya"),
    ("京都", "Kyoto"),
    ("梅田", "Umeda"),
    ("難波", "Namba"),
    ("神戸", "Kobe"),
    ("岡山", "Okayama"),
    ("広島", "Hiroshima"),
    ("松山", "Matsuyama"),
    ("博多", "Hakata"),
    ("熊本", "Kumamoto"),
    ("鹿児島", "Kagoshima"),
    ("那覇", "Naha"),
];

/// A shop and its terminals, each by its number in the fleet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shop {
    /// Which company it belongs to.
    pub company: usize,
    /// Its name.
    pub name: String,
    /// Its number at its company.
    pub code: String,
    /// Its terminals.
    pub terminals: Vec<usize>,
}

/// Returns the company with this number as a customer to make.
pub fn customer(company: usize) -> CustomerCreate {
    let Some(company) = COMPANIES.get(company % COMPANIES.len()) else {
        return CustomerCreate::default();
    };
    CustomerCreate {
        company_name: company.name.to_owned(),
        company_name_kana: company.kana.map(str::to_owned),
        contact_person: Some(company.contact.to_owned()),
        contract_type: Some(company.contract.to_owned()),
        ..CustomerCreate::default()
    }
}

/// Spreads a fleet over shops of one to three terminals, the companies in turn.
pub fn spread(terminals: usize, seed: u64) -> Vec<Shop> {
    let mut rng = Rng::of_part(seed, 0x5409);
    let mut shops: Vec<Shop> = Vec::new();
    let mut next = 0;
    while next < terminals {
        let wanted = usize::try_from(rng.between(1, 3)).unwrap_or(1);
        let last = terminals.min(next + wanted);
        let (company, number) = (shops.len() % COMPANIES.len(), shops.len() / COMPANIES.len());
        shops.push(Shop {
            company,
            name: shop_name(company, number),
            code: format!("{:03}", number + 1),
            terminals: (next..last).collect(),
        });
        next = last;
    }
    shops
}

fn shop_name(company: usize, number: usize) -> String {
    let (place, round) = (PLACES.get(number % PLACES.len()), number / PLACES.len());
    let (japanese, english) = place.copied().unwrap_or(("東京", "Tokyo"));
    let is_japanese = COMPANIES.get(company).is_some_and(|company| company.is_japanese);
    match (is_japanese, round) {
        (true, 0) => format!("{japanese}店"),
        (true, round) => format!("{japanese}{}号店", round + 1),
        (false, 0) => format!("{english} Store"),
        (false, round) => format!("{english} Store {}", round + 1),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_terminal_stands_in_one_shop_and_no_two_shops_of_a_company_share_a_name() {
        let shops = spread(1_000, 7);
        assert_eq!(shops, spread(1_000, 7));
        let places: Vec<usize> = shops.iter().flat_map(|shop| shop.terminals.clone()).collect();
        assert_eq!(places, (0..1_000).collect::<Vec<_>>());
        let names: HashSet<_> = shops.iter().map(|shop| (shop.company, &shop.name)).collect();
        let codes: HashSet<_> = shops.iter().map(|shop| (shop.company, &shop.code)).collect();
        assert_eq!((names.len(), codes.len()), (shops.len(), shops.len()));
        assert!(shops.iter().any(|shop| shop.name == "渋谷店"));
        assert!(shops.iter().any(|shop| shop.name == "Shibuya Store"));
    }
}
