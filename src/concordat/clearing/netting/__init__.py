"""What can settle now, without new money: exact set-off of debts, the best set of a queue, trades both legs or none."""
