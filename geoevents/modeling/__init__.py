"""The torch side: configuration, model, collator, training, export. Needs the extra `train`."""
