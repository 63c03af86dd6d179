//! `feria export`: all goods as a file that `feria import` takes, with what is on the shelf.
use crate::Failure;
use crate::goods::{CsvWriter, Format, Goods, JsonlWriter};
use crate::store::Beside;
use contracts::ProductId;
use contracts::catalog::{ExportProducts, ExportedPage, ProductRecord};
use contracts::inventory::StockOf;
use kit::Unexpected;
use kit::config::Config;
use std::collections::BTreeMap;
use std::io::{self, Write};

/// How many products are read at once.
const PAGE: u32 = 250;

/// Writes all goods to `out`, in the order in which they were listed; answers how many products.
/// # Errors
/// When `out` cannot be written, the format is one that is only read, or a service does not
/// answer.
pub async fn export(
    config: Config,
    format: Format,
    out: impl Write + Send,
) -> Result<u64, Failure> {
    let mut writer = match format {
        Format::Jsonl => Writer::Jsonl(JsonlWriter::new(out)),
        Format::Csv => Writer::Csv(Box::new(CsvWriter::new(out)?)),
        Format::Goodbooks => {
            return Err(Failure::input("goodbooks is only read: export jsonl or csv"));
        }
    };
    let store = Beside::open(config).await?;
    let written = write_all(&store, &mut writer).await;
    store.close().await;
    let written = written?;
    writer.finish()?;
    Ok(written)
}

async fn write_all(store: &Beside, writer: &mut Writer<impl Write>) -> Result<u64, Failure> {
    let (mut after, mut written) = (None, 0);
    loop {
        let page = store.call(ExportProducts { after, limit: PAGE }).await;
        let ExportedPage { records, last } = page.map_err(Unexpected::from_error)?;
        after = records.last().map(|(id, _)| *id);
        for goods in with_stock(store, records).await? {
            writer.write(&goods)?;
            written += 1;
        }
        if last || after.is_none() {
            return Ok(written);
        }
    }
}

async fn with_stock(
    store: &Beside,
    records: Vec<(ProductId, ProductRecord)>,
) -> Result<Vec<Goods>, Unexpected> {
    let variants = records.iter().flat_map(|(_, record)| &record.variants);
    let skus: Vec<_> = variants.map(|variant| variant.sku.clone()).collect();
    let mut levels = BTreeMap::new();
    for some in skus.chunks(10_000) {
        let known = store.call(StockOf { skus: some.to_vec() }).await;
        let known = known.map_err(Unexpected::from_error)?;
        levels.extend(known.into_iter().map(|level| (level.sku, level.on_hand)));
    }
    let goods = |(_, record): (ProductId, ProductRecord)| {
        let skus = record.variants.iter().map(|variant| &variant.sku);
        let stock = skus.filter_map(|sku| Some((sku.clone(), *levels.get(sku)?))).collect();
        Goods { line: 0, record, stock }
    };
    Ok(records.into_iter().map(goods).collect())
}

enum Writer<W: Write> {
    Jsonl(JsonlWriter<W>),
    Csv(Box<CsvWriter<W>>),
}

impl<W: Write> Writer<W> {
    fn write(&mut self, goods: &Goods) -> io::Result<()> {
        match self {
            Self::Jsonl(writer) => writer.write(goods),
            Self::Csv(writer) => writer.write(goods),
        }
    }
    fn finish(self) -> io::Result<()> {
        match self {
            Self::Jsonl(writer) => writer.finish(),
            Self::Csv(writer) => writer.finish(),
        }
    }
}
